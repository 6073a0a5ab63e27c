package io.walrelay.proxy.config;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Which servers the relay reads from and how it begins.
 *
 * @param conninfo hosts, user and the rest
 * @param slot the relay's own physical slot on each of those hosts
 * @param start where a new data directory begins
 * @param acknowledge whose confirmation it takes before WAL is acknowledged
 * @param slotFollows what moves the slot
 * @param onDivergence what to do when every reachable server forked before the acknowledged position
 * @param hint who is asked which of them is the primary
 */
public record UpstreamSettings(
        Conninfo conninfo, String slot, Start start, AcknowledgePolicy acknowledge, SlotFollows slotFollows, OnDivergence onDivergence, Optional<Hint> hint) {

    /**
     * Who knows which host is the primary.
     *
     * @param authorities who signed its certificate; empty: whom the Java runtime trusts
     */
    public record Hint(HintUrl url, Optional<Path> authorities) {}

    /** Where a relay with a new data directory begins to read. */
    public sealed interface Start {

        /** The beginning of the segment of the slot's restart_lsn. */
        record Slot() implements Start {}

        /** The oldest position that upstream still has. */
        record Oldest() implements Start {}

        /** The beginning of the segment of {@code lsn}, if upstream still has it. */
        record At(Lsn lsn) implements Start {}

        /**
         * Reads {@code slot}, {@code oldest} or an LSN.
         *
         * @throws IllegalArgumentException if {@code text} is none of them
         */
        static Start parse(String text) {
            return switch (text) {
                case "slot" -> new Slot();
                case "oldest" -> new Oldest();
                default -> new At(Lsn.parse(text));
            };
        }
    }

    /** What moves the slot upstream. */
    public enum SlotFollows {
        /** What is reported as flushed, as with every standby. */
        ACKNOWLEDGED,
        /** What the relay itself has flushed. */
        OWN
    }

    /** What a relay does whose acknowledged WAL no reachable server has. */
    public enum OnDivergence {
        /** Not ready; the operator decides. */
        STOP,
        /** Follow the server that is not in recovery; the relay's own tail becomes an orphan. */
        FOLLOW
    }
}
