package io.walrelay.proxy.upstream;

import io.walrelay.cache.WalCache;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;
import java.util.Optional;

/**
 * Whether there is room for what upstream would send: by the relay's own limit, which holds upstream, and on the disk itself. Without
 * it nothing is read and nothing is begun. Thread-safe.
 */
final class Room {

    static final String DISK_FULL = "disk-full";

    private final RelayState relay;
    private volatile boolean held;
    private boolean full;

    Room(RelayState relay) {
        this.relay = relay;
    }

    /** What retention says: read no more, or go on. */
    void hold(boolean hold) {
        held = hold;
    }

    boolean held() {
        return held;
    }

    /** The disk was full when something was to be written. */
    synchronized void ranOut(String reason) {
        if (!full) {
            full = true;
            relay.setNotReady(DISK_FULL, "no room for WAL");
            relay.events().error(DISK_FULL, "%s; reading from upstream stops until there is room".formatted(reason));
        }
    }

    synchronized void again() {
        if (full) {
            full = false;
            relay.clearNotReady(DISK_FULL);
            relay.events().info(DISK_FULL, "there is room again; reading from upstream goes on");
        }
    }

    /** Why no stream may be begun; empty when one may. What ran out is looked for on the disk. */
    synchronized Optional<String> lack() {
        if (held) {
            return Optional.of("the relay's disk limit is reached: upstream is not read until there is room");
        }
        Optional<WalCache> cache = relay.cache();
        if (full && cache.isPresent()) {
            try {
                if (!cache.get().hasRoom()) {
                    return Optional.of("the relay's disk is full: upstream is not read until there is room");
                }
            } catch (IOException e) {
                return Optional.of("the relay's disk can't be asked for its room: " + e);
            }
            again();
        }
        return Optional.empty();
    }
}
