package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.ExtendedQuery;
import io.walrelay.protocol.message.ExtendedQuery.Bind;
import io.walrelay.protocol.message.ExtendedQuery.Close;
import io.walrelay.protocol.message.ExtendedQuery.Describe;
import io.walrelay.protocol.message.ExtendedQuery.Execute;
import io.walrelay.protocol.message.ExtendedQuery.FunctionCall;
import io.walrelay.protocol.message.ExtendedQuery.Parse;
import io.walrelay.protocol.message.ExtendedQuery.Target;
import io.walrelay.protocol.message.FrontendMessage.Extended;
import io.walrelay.protocol.message.ProtocolViolation;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is in a message of the extended query protocol (postgres.c, PostgresMain and exec_bind_message). Apart from the decoder of messages, since
 * most sessions refuse or pass on what these say without looking. Without state, so thread-safe.
 */
public final class ExtendedQueryCodec {

    private ExtendedQueryCodec() {}

    /**
     * Reads {@code message}, whose body stays the caller's.
     *
     * @throws ProtocolViolation when the body is not what its type promises; the stream of messages is whole nevertheless
     */
    public static ExtendedQuery decode(Extended message) {
        Fields fields = new Fields(message.body().slice());
        ExtendedQuery query =
                switch (message.type()) {
                    case 'P' -> new Parse(fields.string(), fields.string(), parameterTypes(fields));
                    case 'B' -> new Bind(fields.string(), fields.string(), formats(fields), values(fields), formats(fields));
                    case 'D' -> new Describe(target(fields), fields.string());
                    case 'E' -> new Execute(fields.string(), fields.int32());
                    case 'C' -> new Close(target(fields), fields.string());
                    case 'F' -> {
                        fields.skip(fields.remaining());
                        yield new FunctionCall();
                    }
                    default -> throw new ProtocolViolation("invalid frontend message type %d".formatted(message.type()));
                };
        fields.end();
        return query;
    }

    private static List<Integer> parameterTypes(Fields fields) {
        int count = count(fields, 4);
        List<Integer> types = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            types.add(fields.int32());
        }
        return types;
    }

    private static List<Short> formats(Fields fields) {
        int count = count(fields, 2);
        List<Short> formats = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            formats.add(fields.int16());
        }
        return formats;
    }

    private static List<byte @Nullable []> values(Fields fields) {
        int count = count(fields, 4);
        List<byte @Nullable []> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int length = fields.int32();
            values.add(length == -1 ? null : fields.bytes(length));
        }
        return values;
    }

    /** Two bytes without a sign, as PostgreSQL reads them. */
    private static int count(Fields fields, int bytesEach) {
        return fields.count(Short.toUnsignedInt(fields.int16()), bytesEach);
    }

    private static Target target(Fields fields) {
        byte code = fields.int8();
        for (Target target : Target.values()) {
            if (target.code() == code) {
                return target;
            }
        }
        throw new ProtocolViolation(
                "invalid message format", "A target of %s; expected 'S', a statement, or 'P', a portal.".formatted(Frames.nameOf(code)));
    }

    /** Appends {@code query} as a message to {@code out}, as a client sends it. */
    public static void encode(ExtendedQuery query, ByteBuf out) {
        switch (query) {
            case Parse(var statement, var sql, var types) -> {
                FrameWriter frame = FrameWriter.begin(out, 'P').string(statement).string(sql).int16(types.size());
                types.forEach(frame::int32);
                frame.end();
            }
            case Bind bind -> bind(bind, out);
            case Describe(var target, var name) -> FrameWriter.begin(out, 'D').int8(target.code()).string(name).end();
            case Execute(var portal, var maxRows) -> FrameWriter.begin(out, 'E').string(portal).int32(maxRows).end();
            case Close(var target, var name) -> FrameWriter.begin(out, 'C').int8(target.code()).string(name).end();
            // Function 0 without arguments.
            case FunctionCall() -> FrameWriter.begin(out, 'F').int32(0).int16(0).int16(0).int16(0).end();
        }
    }

    private static void bind(Bind bind, ByteBuf out) {
        FrameWriter frame = FrameWriter.begin(out, 'B').string(bind.portal()).string(bind.statement());
        frame.int16(bind.formats().size());
        bind.formats().forEach(frame::int16);
        frame.int16(bind.values().size());
        bind.values().forEach(frame::sizedBytes);
        frame.int16(bind.resultFormats().size());
        bind.resultFormats().forEach(frame::int16);
        frame.end();
    }
}
