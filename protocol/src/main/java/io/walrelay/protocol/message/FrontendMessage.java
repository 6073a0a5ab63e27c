package io.walrelay.protocol.message;

import io.netty.buffer.ByteBuf;
import java.util.Map;

/** What a client sends (PostgreSQL manual, "Message Formats", F). */
public sealed interface FrontendMessage {

    /** The messages that may open a connection; they have no type byte. */
    sealed interface Opening extends FrontendMessage {}

    /** Asks for TLS; answered by one byte, {@code S} or {@code N}. */
    record SslRequest() implements Opening {}

    /** Asks for GSSAPI encryption; answered by one byte, {@code G} or {@code N}. */
    record GssEncRequest() implements Opening {}

    /** Asks to cancel what session {@code processId} does. The key has 4 bytes, or up to 256 from protocol 3.2 on. */
    record CancelRequest(int processId, SecretKey secretKey) implements Opening {}

    /** Opens a session. {@code parameters} keep the order in which they came; options {@code _pq_.…} are among them. */
    record StartupMessage(ProtocolVersion version, Map<String, String> parameters) implements Opening {
        public StartupMessage {
            parameters = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(parameters));
        }
    }

    /**
     * An answer to an authentication request, type byte {@code p}: PasswordMessage, SASLInitialResponse or SASLResponse.
     * Which of them it is only the state of the conversation tells, so the body stays as it is until then.
     */
    record AuthenticationResponse(Secret body) implements FrontendMessage {}

    /** A simple query, or a replication command. */
    record Query(String sql) implements FrontendMessage {}

    record Terminate() implements FrontendMessage {}

    /** A piece of COPY data. Owns one reference to {@code data}; whoever consumes the message releases it. */
    record CopyData(ByteBuf data) implements FrontendMessage {}

    record CopyDone() implements FrontendMessage {}

    record CopyFail(String reason) implements FrontendMessage {}

    record Sync() implements FrontendMessage {}

    record Flush() implements FrontendMessage {}

    /** A message of the extended query or function call protocol, known by its type and not looked into. Owns one reference to {@code body}. */
    record Extended(byte type, ByteBuf body) implements FrontendMessage {}
}
