package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.*;
import io.walrelay.protocol.message.Column;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.SecretKey;
import io.walrelay.protocol.message.TransactionStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a server sends, as its client (libpq: fe-protocol3.c). The single byte that answers SSLRequest and
 * GSSENCRequest is not a message: see {@link EncryptionAnswer}.
 *
 * <p>Ownership: the decoder never retains or releases the buffer it reads from. CopyData and Other own a slice of it,
 * never a copy; when {@link #decode} throws, no reference was taken. Without state, so thread-safe.
 */
public final class BackendDecoder {

    private final BackendLimits limits;

    public BackendDecoder(BackendLimits limits) {
        this.limits = limits;
    }

    /**
     * Takes the next message from {@code in}, or nothing and gives null when it is not whole.
     *
     * @throws ProtocolViolation when the bytes are no message of a server; they are not consumed
     */
    public @Nullable BackendMessage decode(ByteBuf in) {
        if (!in.isReadable()) {
            return null;
        }
        byte type = Frames.type(in);
        int limit = limit(type);
        if (!Frames.hasHeader(in)) {
            return null;
        }
        int length = Frames.length(in);
        if (length < Frames.LENGTH_WORD || length > limit) {
            throw new ProtocolViolation(
                    "lost synchronization with server: got message type \"%c\", length %d".formatted(type, length),
                    "Expected a length of %d to %d.".formatted(Frames.LENGTH_WORD, limit));
        }
        if (!Frames.isWhole(in, length)) {
            return null;
        }
        return switch (type) {
            case 'd' -> new CopyData(Frames.takeBody(in, length));
            case 'A', 'G', 'H', 'V' -> new Other(type, Frames.takeBody(in, length));
            default -> {
                BackendMessage message = message(type, new Fields(Frames.body(in, length)));
                Frames.skip(in, length);
                yield message;
            }
        };
    }

    /** How long a message may be. Called as soon as its type is known, so that rubbish is refused at once. */
    private int limit(byte type) {
        return switch (type) {
            case 'd' -> limits.copyData();
            case 'A', 'D', 'E', 'N', 'T', 'V' -> limits.rows();
            case 'C', 'G', 'H', 'I', 'K', 'R', 'S', 'W', 'Z', 'c', 'v', '1', '2', '3', 'n', 's', 't' -> limits.small();
            default -> throw unknownType(type);
        };
    }

    private static BackendMessage message(byte type, Fields fields) {
        BackendMessage message =
                switch (type) {
                    case 'R' -> authentication(fields);
                    case 'v' -> negotiateProtocolVersion(fields);
                    case 'K' -> backendKeyData(fields);
                    case 'S' -> new ParameterStatus(fields.string(), fields.string());
                    case 'Z' -> new ReadyForQuery(transactionStatus(fields.int8()));
                    case 'E' -> new ErrorResponse(diagnostic(fields));
                    case 'N' -> new NoticeResponse(diagnostic(fields));
                    case 'T' -> rowDescription(fields);
                    case 'D' -> dataRow(fields);
                    case 'C' -> new CommandComplete(fields.string());
                    case 'I' -> new EmptyQueryResponse();
                    case '1' -> new ParseComplete();
                    case '2' -> new BindComplete();
                    case '3' -> new CloseComplete();
                    case 'n' -> new NoData();
                    case 's' -> new PortalSuspended();
                    case 't' -> parameterDescription(fields);
                    case 'W' -> copyBothResponse(fields);
                    case 'c' -> new CopyDone();
                    default -> throw unknownType(type);
                };
        fields.end();
        return message;
    }

    private static Authentication authentication(Fields fields) {
        int request = fields.int32();
        return switch (request) {
            case AuthenticationCode.OK -> new AuthenticationOk();
            case AuthenticationCode.CLEARTEXT_PASSWORD -> new AuthenticationCleartextPassword();
            case AuthenticationCode.MD5_PASSWORD -> new AuthenticationMd5Password(fields.secret(4));
            case AuthenticationCode.SASL -> new AuthenticationSasl(stringsToEmptyOne(fields));
            case AuthenticationCode.SASL_CONTINUE -> new AuthenticationSaslContinue(fields.rest());
            case AuthenticationCode.SASL_FINAL -> new AuthenticationSaslFinal(fields.rest());
            default -> {
                fields.skip(fields.remaining());
                yield new AuthenticationUnsupported(request);
            }
        };
    }

    private static List<String> stringsToEmptyOne(Fields fields) {
        List<String> strings = new ArrayList<>();
        for (String next = fields.string(); !next.isEmpty(); next = fields.string()) {
            strings.add(next);
        }
        return strings;
    }

    private static NegotiateProtocolVersion negotiateProtocolVersion(Fields fields) {
        ProtocolVersion newest = ProtocolVersion.ofCode(fields.int32());
        int count = fields.count(fields.int32(), 1);
        List<String> options = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            options.add(fields.string());
        }
        return new NegotiateProtocolVersion(newest, options);
    }

    private static BackendKeyData backendKeyData(Fields fields) {
        int processId = fields.int32();
        if (fields.remaining() < 1 || fields.remaining() > SecretKey.MAX_LENGTH) {
            throw new ProtocolViolation(
                    "invalid length of cancel key",
                    "%d bytes; expected 1 to %d.".formatted(fields.remaining(), SecretKey.MAX_LENGTH));
        }
        return new BackendKeyData(processId, new SecretKey(fields.rest()));
    }

    private static TransactionStatus transactionStatus(byte code) {
        for (TransactionStatus status : TransactionStatus.values()) {
            if (status.code() == code) {
                return status;
            }
        }
        throw new ProtocolViolation(
                "invalid message format", "Transaction status %s; expected I, T or E.".formatted(Frames.nameOf(code)));
    }

    private static Diagnostic diagnostic(Fields fields) {
        String localizedSeverity = "ERROR";
        String severity = "";
        String sqlState = "XX000";
        String message = "";
        Optional<String> detail = Optional.empty();
        Optional<String> hint = Optional.empty();
        OptionalInt position = OptionalInt.empty();
        for (byte field = fields.int8(); field != 0; field = fields.int8()) {
            String value = fields.string();
            switch (field) {
                case 'S' -> localizedSeverity = value;
                case 'V' -> severity = value;
                case 'C' -> sqlState = value;
                case 'M' -> message = value;
                case 'D' -> detail = Optional.of(value);
                case 'H' -> hint = Optional.of(value);
                case 'P' -> position = position(value);
                default -> {
                    // The manual asks clients to ignore fields that they do not know.
                }
            }
        }
        return new Diagnostic(severity.isEmpty() ? localizedSeverity : severity, sqlState, message, detail, hint, position);
    }

    private static OptionalInt position(String written) {
        return written.matches("[0-9]{1,9}") ? OptionalInt.of(Integer.parseInt(written)) : OptionalInt.empty();
    }

    private static ParameterDescription parameterDescription(Fields fields) {
        int count = fields.count(fields.int16(), 4);
        List<Integer> types = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            types.add(fields.int32());
        }
        return new ParameterDescription(types);
    }

    private static RowDescription rowDescription(Fields fields) {
        // A name's zero byte, then table 4, column 2, type 4, size 2, modifier 4, format 2.
        int count = fields.count(fields.int16(), 19);
        List<Column> columns = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            String name = fields.string();
            fields.skip(6);
            int type = fields.int32();
            short size = fields.int16();
            fields.skip(4);
            columns.add(new Column(name, type, size, fields.int16()));
        }
        return new RowDescription(columns);
    }

    private static DataRow dataRow(Fields fields) {
        int count = fields.count(fields.int16(), 4);
        List<@Nullable String> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int length = fields.int32();
            values.add(length == -1 ? null : fields.text(length));
        }
        return new DataRow(values);
    }

    private static CopyBothResponse copyBothResponse(Fields fields) {
        fields.skip(1);
        fields.skip(2 * fields.count(fields.int16(), 2));
        return new CopyBothResponse();
    }

    private static ProtocolViolation unknownType(byte type) {
        return new ProtocolViolation(
                "unexpected response from server; first received character was %s".formatted(Frames.nameOf(type)));
    }
}
