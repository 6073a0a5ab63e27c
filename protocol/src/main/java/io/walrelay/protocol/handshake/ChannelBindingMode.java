package io.walrelay.protocol.handshake;

/** libpq's {@code channel_binding}. */
public enum ChannelBindingMode {
    DISABLE,
    PREFER,
    REQUIRE
}
