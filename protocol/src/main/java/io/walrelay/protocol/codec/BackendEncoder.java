package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.netty.util.ReferenceCountUtil;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.*;
import io.walrelay.protocol.message.Column;
import io.walrelay.protocol.message.Diagnostic;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes what a server sends. WAL itself does not come this way, since {@link BackendMessage.CopyData} is copied here:
 * see {@link io.walrelay.protocol.replication.FromServerCodec} for the header that goes before bytes from elsewhere.
 *
 * <p>Ownership: {@link #encode} consumes the message, so a reference that the message owns is released, also when it
 * throws. The target stays the caller's; what was written of a message that could not be written is taken back.
 */
public final class BackendEncoder {

    private BackendEncoder() {}

    /**
     * Appends {@code message} to {@code out}.
     *
     * @throws IllegalArgumentException when it has text with a zero character, or more than 32767 columns
     */
    public static void encode(BackendMessage message, ByteBuf out) {
        int start = out.writerIndex();
        boolean whole = false;
        try {
            write(message, out);
            whole = true;
        } finally {
            if (!whole) {
                out.writerIndex(start);
            }
        }
    }

    private static void write(BackendMessage message, ByteBuf out) {
        switch (message) {
            case AuthenticationOk() -> authentication(AuthenticationCode.OK, out).end();
            case AuthenticationCleartextPassword() ->
                authentication(AuthenticationCode.CLEARTEXT_PASSWORD, out).end();
            case AuthenticationMd5Password(var salt) ->
                authentication(AuthenticationCode.MD5_PASSWORD, out).secret(salt).end();
            case AuthenticationSasl(var mechanisms) -> sasl(mechanisms, out);
            case AuthenticationSaslContinue(var data) ->
                authentication(AuthenticationCode.SASL_CONTINUE, out).secret(data).end();
            case AuthenticationSaslFinal(var data) ->
                authentication(AuthenticationCode.SASL_FINAL, out).secret(data).end();
            case AuthenticationUnsupported(var type) -> authentication(type, out).end();
            case NegotiateProtocolVersion negotiate -> negotiateProtocolVersion(negotiate, out);
            case BackendKeyData(var processId, var key) ->
                FrameWriter.begin(out, 'K').int32(processId).secret(key.value()).end();
            case ParameterStatus(var name, var value) ->
                FrameWriter.begin(out, 'S').string(name).string(value).end();
            case ReadyForQuery(var status) ->
                FrameWriter.begin(out, 'Z').int8(status.code()).end();
            case ErrorResponse(var diagnostic) -> diagnostic('E', diagnostic, out);
            case NoticeResponse(var diagnostic) -> diagnostic('N', diagnostic, out);
            case RowDescription(var columns) -> rowDescription(columns, out);
            case DataRow(var values) -> dataRow(values, out);
            case BytesRow(var values) -> bytesRow(values, out);
            case CommandComplete(var tag) -> FrameWriter.begin(out, 'C').string(tag).end();
            case EmptyQueryResponse() -> FrameWriter.begin(out, 'I').end();
            case ParseComplete() -> FrameWriter.begin(out, '1').end();
            case BindComplete() -> FrameWriter.begin(out, '2').end();
            case CloseComplete() -> FrameWriter.begin(out, '3').end();
            case NoData() -> FrameWriter.begin(out, 'n').end();
            case PortalSuspended() -> FrameWriter.begin(out, 's').end();
            case ParameterDescription(var types) -> {
                FrameWriter frame = FrameWriter.begin(out, 't').int16(types.size());
                types.forEach(frame::int32);
                frame.end();
            }
            // Text format and no columns, as walsender.c sends it.
            case CopyBothResponse() -> FrameWriter.begin(out, 'W').int8(0).int16(0).end();
            case CopyData(var data) -> bytes('d', data, out);
            case CopyDone() -> FrameWriter.begin(out, 'c').end();
            case Other(var type, var body) -> bytes((char) type, body, out);
        }
    }

    private static FrameWriter authentication(int request, ByteBuf out) {
        return FrameWriter.begin(out, 'R').int32(request);
    }

    private static void sasl(List<String> mechanisms, ByteBuf out) {
        FrameWriter frame = authentication(AuthenticationCode.SASL, out);
        for (String mechanism : mechanisms) {
            frame.string(mechanism);
        }
        frame.int8(0).end();
    }

    private static void negotiateProtocolVersion(NegotiateProtocolVersion message, ByteBuf out) {
        FrameWriter frame = FrameWriter.begin(out, 'v')
                .int32(message.newest().code())
                .int32(message.unrecognizedOptions().size());
        for (String option : message.unrecognizedOptions()) {
            frame.string(option);
        }
        frame.end();
    }

    private static void diagnostic(char type, Diagnostic diagnostic, ByteBuf out) {
        FrameWriter frame = FrameWriter.begin(out, type)
                .int8('S')
                .string(diagnostic.severity())
                .int8('V')
                .string(diagnostic.severity())
                .int8('C')
                .string(diagnostic.sqlState())
                .int8('M')
                .string(diagnostic.message());
        diagnostic.detail().ifPresent(text -> frame.int8('D').string(text));
        diagnostic.hint().ifPresent(text -> frame.int8('H').string(text));
        diagnostic.position().ifPresent(at -> frame.int8('P').string(Integer.toString(at)));
        frame.int8(0).end();
    }

    private static void rowDescription(List<Column> columns, ByteBuf out) {
        FrameWriter frame = FrameWriter.begin(out, 'T').int16(columns.size());
        for (Column column : columns) {
            // Of no table, without a type modifier.
            frame.string(column.name())
                    .int32(0)
                    .int16(0)
                    .int32(column.typeOid())
                    .int16(column.typeSize())
                    .int32(-1)
                    .int16(column.format());
        }
        frame.end();
    }

    private static void dataRow(List<@Nullable String> values, ByteBuf out) {
        FrameWriter frame = FrameWriter.begin(out, 'D').int16(values.size());
        for (String value : values) {
            if (value == null) {
                frame.int32(-1);
            } else {
                frame.sizedText(value);
            }
        }
        frame.end();
    }

    private static void bytesRow(List<byte @Nullable []> values, ByteBuf out) {
        FrameWriter frame = FrameWriter.begin(out, 'D').int16(values.size());
        values.forEach(frame::sizedBytes);
        frame.end();
    }

    private static void bytes(char type, ByteBuf source, ByteBuf out) {
        try {
            FrameWriter.begin(out, type).bytes(source).end();
        } finally {
            ReferenceCountUtil.release(source);
        }
    }
}
