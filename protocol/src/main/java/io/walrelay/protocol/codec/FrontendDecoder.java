package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.protocol.message.FrontendMessage.AuthenticationResponse;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import io.walrelay.protocol.message.FrontendMessage.CopyData;
import io.walrelay.protocol.message.FrontendMessage.CopyDone;
import io.walrelay.protocol.message.FrontendMessage.CopyFail;
import io.walrelay.protocol.message.FrontendMessage.Extended;
import io.walrelay.protocol.message.FrontendMessage.Flush;
import io.walrelay.protocol.message.FrontendMessage.GssEncRequest;
import io.walrelay.protocol.message.FrontendMessage.Opening;
import io.walrelay.protocol.message.FrontendMessage.Query;
import io.walrelay.protocol.message.FrontendMessage.SslRequest;
import io.walrelay.protocol.message.FrontendMessage.StartupMessage;
import io.walrelay.protocol.message.FrontendMessage.Sync;
import io.walrelay.protocol.message.FrontendMessage.Terminate;
import io.walrelay.protocol.message.ProtocolVersion;
import io.walrelay.protocol.message.ProtocolViolation;
import io.walrelay.protocol.message.SecretKey;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a client sends, as the server that it connected to (PostgreSQL: backend_startup.c, auth.c, postgres.c
 * SocketBackend, pqcomm.c pq_getmessage).
 *
 * <p>What the next bytes mean depends on the conversation, so until the session begins the decoder gives one message
 * and then nothing until {@link #expect} says what comes next. A client that sends ahead is thereby neither misread
 * nor refused while the answer to its last message is being found.
 *
 * <p>Ownership: the decoder never retains or releases the buffer it reads from. Messages that own a reference say so;
 * when {@link #decode} throws, no reference was taken. Confined to the thread that owns the connection.
 */
public final class FrontendDecoder {

    /** What the next message is read as. */
    public enum Phase {
        /** A message without a type byte: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage. */
        OPENING,
        /** An answer to an authentication request. */
        AUTHENTICATION,
        /** Queries, COPY data, the end. */
        SESSION
    }

    private static final int SUPPORTED_MAJOR = 3;

    private final FrontendLimits limits;
    private Phase phase = Phase.OPENING;
    private boolean answered = true;

    /** A decoder that expects the {@linkplain Phase#OPENING opening} of a connection. */
    public FrontendDecoder(FrontendLimits limits) {
        this.limits = limits;
    }

    /** Says how to read the next message. Needed after every message of the opening and of the authentication. */
    public void expect(Phase next) {
        phase = next;
        answered = true;
    }

    /**
     * Takes the next message from {@code in}, or nothing and gives null: when it is not whole, or when the message before
     * it has to be answered first.
     *
     * @throws ProtocolViolation when the bytes are no message of this phase; they are not consumed
     */
    public @Nullable FrontendMessage decode(ByteBuf in) {
        if (!answered) {
            return null;
        }
        return switch (phase) {
            case OPENING -> gate(opening(in));
            case AUTHENTICATION -> gate(authentication(in));
            case SESSION -> session(in);
        };
    }

    private @Nullable FrontendMessage gate(@Nullable FrontendMessage message) {
        answered = message == null;
        return message;
    }

    private @Nullable Opening opening(ByteBuf in) {
        if (in.readableBytes() < Frames.LENGTH_WORD) {
            return null;
        }
        int length = in.getInt(in.readerIndex());
        // As PostgreSQL counts: at least a protocol version, and the limit is without the length word.
        if (length < 2 * Frames.LENGTH_WORD || length - Frames.LENGTH_WORD > limits.opening()) {
            throw new ProtocolViolation(
                    "invalid length of startup packet",
                    "%d bytes; expected %d to %d."
                            .formatted(length, 2 * Frames.LENGTH_WORD, limits.opening() + Frames.LENGTH_WORD));
        }
        if (in.readableBytes() < length) {
            return null;
        }
        Fields fields = new Fields(in.slice(in.readerIndex() + Frames.LENGTH_WORD, length - Frames.LENGTH_WORD));
        Opening message = openingOf(fields.int32(), fields);
        in.skipBytes(length);
        return message;
    }

    private static Opening openingOf(int code, Fields fields) {
        return switch (code) {
            case OpeningCode.SSL_REQUEST -> {
                fields.end();
                yield new SslRequest();
            }
            case OpeningCode.GSSENC_REQUEST -> {
                fields.end();
                yield new GssEncRequest();
            }
            case OpeningCode.CANCEL_REQUEST -> cancelRequest(fields);
            default -> startup(ProtocolVersion.ofCode(code), fields);
        };
    }

    private static CancelRequest cancelRequest(Fields fields) {
        if (fields.remaining() < 4) {
            throw new ProtocolViolation(
                    "invalid length of cancel request packet",
                    "%d bytes after the request code; expected a process id of 4 and a key of 1 to %d."
                            .formatted(fields.remaining(), SecretKey.MAX_LENGTH));
        }
        int processId = fields.int32();
        if (fields.remaining() < 1 || fields.remaining() > SecretKey.MAX_LENGTH) {
            throw new ProtocolViolation(
                    "invalid length of cancel key in cancel request packet",
                    "%d bytes; expected 1 to %d.".formatted(fields.remaining(), SecretKey.MAX_LENGTH));
        }
        return new CancelRequest(processId, new SecretKey(fields.rest()));
    }

    private static StartupMessage startup(ProtocolVersion version, Fields fields) {
        if (version.major() != SUPPORTED_MAJOR) {
            throw new ProtocolViolation(Diagnostic.fatal(
                    "0A000",
                    "unsupported frontend protocol %s: server supports %s to %s"
                            .formatted(version, ProtocolVersion.V3_0, ProtocolVersion.V3_2)));
        }
        Map<String, String> parameters = new LinkedHashMap<>();
        while (fields.remaining() > 1) {
            String name = fields.string();
            if (name.isEmpty()) {
                throw layout(fields.remaining() + " bytes follow the terminator.");
            }
            if (fields.remaining() < 2) {
                throw layout("Parameter \"%s\" has no value.".formatted(name));
            }
            parameters.put(name, fields.string());
        }
        if (fields.remaining() == 0 || fields.int8() != 0) {
            throw layout("The last byte is missing or not zero.");
        }
        return new StartupMessage(version, parameters);
    }

    private static ProtocolViolation layout(String detail) {
        return new ProtocolViolation("invalid startup packet layout: expected terminator as last byte", detail);
    }

    private @Nullable AuthenticationResponse authentication(ByteBuf in) {
        if (!in.isReadable()) {
            return null;
        }
        byte type = Frames.type(in);
        if (type != 'p') {
            throw new ProtocolViolation("expected password response, got message type %d".formatted(Byte.toUnsignedInt(type)));
        }
        if (!Frames.hasHeader(in)) {
            return null;
        }
        int length = checkedLength(in, type, limits.authentication());
        if (!Frames.isWhole(in, length)) {
            return null;
        }
        AuthenticationResponse message =
                new AuthenticationResponse(new Fields(Frames.body(in, length)).rest());
        Frames.skip(in, length);
        return message;
    }

    private @Nullable FrontendMessage session(ByteBuf in) {
        if (!in.isReadable()) {
            return null;
        }
        byte type = Frames.type(in);
        int limit = sessionLimit(type);
        if (!Frames.hasHeader(in)) {
            return null;
        }
        int length = checkedLength(in, type, limit);
        if (!Frames.isWhole(in, length)) {
            return null;
        }
        return switch (type) {
            case 'd' -> new CopyData(Frames.takeBody(in, length));
            case 'P', 'B', 'F', 'E', 'D', 'C' -> new Extended(type, Frames.takeBody(in, length));
            default -> {
                FrontendMessage message = sessionMessage(type, new Fields(Frames.body(in, length)));
                Frames.skip(in, length);
                yield message;
            }
        };
    }

    /** How long a message of a session may be. Called as soon as its type is known, so that rubbish is refused at once. */
    private int sessionLimit(byte type) {
        return switch (type) {
            case 'd' -> limits.copyData();
            case 'Q' -> limits.query();
            case 'P', 'B', 'F' -> limits.extended();
            case 'E', 'D', 'C', 'c', 'f', 'S', 'H', 'X' -> limits.small();
            default -> throw unknownType(type);
        };
    }

    private static FrontendMessage sessionMessage(byte type, Fields fields) {
        FrontendMessage message =
                switch (type) {
                    case 'Q' -> new Query(fields.string());
                    case 'c' -> new CopyDone();
                    case 'f' -> new CopyFail(fields.string());
                    case 'S' -> new Sync();
                    case 'H' -> new Flush();
                    case 'X' -> new Terminate();
                    default -> throw unknownType(type);
                };
        fields.end();
        return message;
    }

    private static int checkedLength(ByteBuf in, byte type, int limit) {
        int length = Frames.length(in);
        if (length < Frames.LENGTH_WORD || length > limit) {
            throw new ProtocolViolation(
                    "invalid message length",
                    "A message of type %s announces %d bytes; expected %d to %d."
                            .formatted(Frames.nameOf(type), length, Frames.LENGTH_WORD, limit));
        }
        return length;
    }

    private static ProtocolViolation unknownType(byte type) {
        return new ProtocolViolation("invalid frontend message type %d".formatted(Byte.toUnsignedInt(type)));
    }
}
