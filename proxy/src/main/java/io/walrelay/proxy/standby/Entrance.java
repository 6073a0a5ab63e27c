package io.walrelay.proxy.standby;

import io.walrelay.protocol.handshake.ServerHandshake;
import java.util.Optional;

/** How connections come in: what may change while the relay runs. */
record Entrance(Authenticator authenticator, ServerHandshake.Listener handshake, Optional<ServerTls> tls) {}
