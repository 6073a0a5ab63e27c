package io.walrelay.proxy.conninfo;

import java.time.Duration;
import java.util.Optional;

/** How TCP notices a dead peer: libpq's keepalives… and tcp_user_timeout. Empty: the system's own value. */
public record KeepAlive(
        boolean enabled, Optional<Duration> idle, Optional<Duration> interval, Optional<Integer> count, Optional<Duration> userTimeout) {}
