package io.walrelay.protocol.message;

import io.netty.buffer.ByteBuf;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a server sends (PostgreSQL manual, "Message Formats", B). */
public sealed interface BackendMessage {

    /** The requests and verdicts of the authentication phase, type byte {@code R}. */
    sealed interface Authentication extends BackendMessage {}

    record AuthenticationOk() implements Authentication {}

    record AuthenticationCleartextPassword() implements Authentication {}

    /** {@code salt} has 4 bytes. */
    record AuthenticationMd5Password(Secret salt) implements Authentication {}

    record AuthenticationSasl(List<String> mechanisms) implements Authentication {
        public AuthenticationSasl {
            mechanisms = List.copyOf(mechanisms);
        }
    }

    record AuthenticationSaslContinue(Secret data) implements Authentication {}

    record AuthenticationSaslFinal(Secret data) implements Authentication {}

    /** A method that this project does not speak: Kerberos, GSSAPI, SSPI and what may come. */
    record AuthenticationUnsupported(int type) implements Authentication {}

    /** What the extended query protocol adds, rows of bytes among it. Nobody upstream is asked in it. */
    sealed interface ExtendedAnswer extends BackendMessage {}

    record NegotiateProtocolVersion(ProtocolVersion newest, List<String> unrecognizedOptions) implements BackendMessage {
        public NegotiateProtocolVersion {
            unrecognizedOptions = List.copyOf(unrecognizedOptions);
        }
    }

    record BackendKeyData(int processId, SecretKey secretKey) implements BackendMessage {}

    record ParameterStatus(String name, String value) implements BackendMessage {}

    record ReadyForQuery(TransactionStatus status) implements BackendMessage {}

    record ErrorResponse(Diagnostic diagnostic) implements BackendMessage {}

    record NoticeResponse(Diagnostic diagnostic) implements BackendMessage {}

    record RowDescription(List<Column> columns) implements BackendMessage {
        public RowDescription {
            columns = List.copyOf(columns);
        }
    }

    /** One row, each value in text form; null is SQL's NULL. */
    record DataRow(List<@Nullable String> values) implements BackendMessage {
        public DataRow {
            values = java.util.Collections.unmodifiableList(new java.util.ArrayList<>(values));
        }
    }

    /** One row, each value in the format that its column announces. */
    record BytesRow(List<byte @Nullable []> values) implements ExtendedAnswer {
        public BytesRow {
            values = java.util.Collections.unmodifiableList(new java.util.ArrayList<>(values));
        }
    }

    record CommandComplete(String tag) implements BackendMessage {}

    record EmptyQueryResponse() implements BackendMessage {}

    record ParseComplete() implements ExtendedAnswer {}

    record BindComplete() implements ExtendedAnswer {}

    record CloseComplete() implements ExtendedAnswer {}

    /** What Describe says of what gives no rows. */
    record NoData() implements ExtendedAnswer {}

    /** Execute gave as many rows as it was asked for, and there may be more. */
    record PortalSuspended() implements ExtendedAnswer {}

    /** The types of a statement's parameters, by OID. */
    record ParameterDescription(List<Integer> types) implements ExtendedAnswer {
        public ParameterDescription {
            types = List.copyOf(types);
        }
    }

    record CopyBothResponse() implements BackendMessage {}

    /** A piece of COPY data. Owns one reference to {@code data}; whoever consumes the message releases it. */
    record CopyData(ByteBuf data) implements BackendMessage {}

    record CopyDone() implements BackendMessage {}

    /** A message that replication does not use, known by its type and not looked into. Owns one reference to {@code body}. */
    record Other(byte type, ByteBuf body) implements BackendMessage {}
}
