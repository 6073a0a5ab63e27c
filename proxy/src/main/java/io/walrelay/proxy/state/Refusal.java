package io.walrelay.proxy.state;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.time.Instant;
import java.util.Optional;

/**
 * That a standby was sent away. All of it is fit for a terminal but {@code said}, which has names that a client chose.
 *
 * @param name application_name, or the client's address without port when there is none
 * @param slot that it asked for, if it came that far
 * @param address of the client, without port
 * @param said what it was told
 * @param reached of one that has diverged
 */
public record Refusal(
        Instant at, Reason reason, String name, Optional<String> slot, String user, String address, Diagnostic said, Optional<Reached> reached) {

    /** How far a standby's own WAL goes, at least: as far as it has shown. */
    public record Reached(TimelineId timeline, Lsn position) {}

    /** At what it failed. */
    public enum Reason {
        /** It did not get in. */
        LOGIN,
        /** Its slot is missing, in use or lost. */
        SLOT,
        /** It has WAL past a fork, or is on a timeline that is not the relay's. */
        DIVERGED,
        /** It has WAL that the relay has not. */
        AHEAD,
        /** No tier has the WAL that it asked for. */
        REMOVED,
        /** The WAL could not be read: the relay's disk, or the archive. */
        UNREADABLE
    }
}
