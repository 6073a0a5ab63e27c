package io.walrelay.protocol.handshake;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.FrontendMessage.CancelRequest;
import java.util.Optional;

/** What a driver has to do for a {@link ServerHandshake}, in the order given. */
public sealed interface ServerAction {

    /** Send the one byte that answers SSLRequest ({@code S}, {@code N}) or GSSENCRequest ({@code N}). */
    record SendByte(byte value) implements ServerAction {}

    record Send(BackendMessage message) implements ServerAction {}

    /** Begin TLS as its server, then call {@link ServerHandshake#onTlsEstablished}. Bytes already received are no part of it: see there. */
    record StartTls() implements ServerAction {}

    /** Cancel what that session does, if the key is right; nothing is answered. {@link Close} follows. */
    record Cancel(CancelRequest request) implements ServerAction {}

    /** Decide how this client has to authenticate, then call {@link ServerHandshake#onDecision}. */
    record Admit(StartupRequest request, Transport transport) implements ServerAction {}

    /**
     * The client is who he says. Next comes {@link ServerHandshake#onSessionReady} or {@link ServerHandshake#onRefusal}.
     *
     * @param keys present after SCRAM-SHA-256
     */
    record Authenticated(StartupRequest request, Optional<ScramKeys> keys) implements ServerAction {}

    /** The handshake is over: what comes next belongs to the session. */
    record Finish(StartupRequest request) implements ServerAction {}

    /** Flush and close. {@code reason} is for the log. */
    record Close(String reason) implements ServerAction {}
}
