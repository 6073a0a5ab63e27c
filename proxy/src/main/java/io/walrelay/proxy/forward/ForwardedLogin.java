package io.walrelay.proxy.forward;

import io.walrelay.protocol.handshake.ScramKeys;
import io.walrelay.protocol.handshake.StartupRequest;
import java.util.Optional;

/**
 * A client that has proved who it is and wants a session upstream.
 *
 * @param keys what its proof revealed, if it came in by SCRAM-SHA-256
 */
public record ForwardedLogin(StartupRequest request, Optional<ScramKeys> keys) {}
