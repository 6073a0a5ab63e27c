package io.walrelay.rewind.plan;

import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * What somebody knows of the changes of one lineage's WAL who has read it before: a relay, by its index. It speaks of its own bytes; whether those are
 * anybody else's is for who asks to find out.
 *
 * <p>Asked by one thread for changes and by one, at the same time, for segments. An {@link IOException} when it could not look.
 */
public interface HeldChanges {

    /** For where nothing was read before. */
    HeldChanges NONE = new HeldChanges() {
        @Override
        public List<Segment> segments(Lsn from, Lsn to) {
            return List.of();
        }

        @Override
        public Optional<Segment> beginning(Lsn to) {
            return Optional.empty();
        }

        @Override
        public Optional<MergedChanges> changes(Lsn from, Optional<Lsn> to) {
            return Optional.empty();
        }
    };

    /**
     * A whole segment whose changes are known.
     *
     * @param name of its file
     * @param crc32c of its bytes
     * @param lastCheckpoint where the record starts of the last checkpoint in it
     */
    record Segment(Lsn start, String name, int crc32c, Optional<Lsn> lastCheckpoint) {}

    /** Those that begin from {@code from}, the beginning of a segment, on and before {@code to}. */
    List<Segment> segments(Lsn from, Lsn to) throws IOException;

    /** The segment in which {@code to} lies, with the checksum of what it has before that; empty when not all of that is held. */
    Optional<Segment> beginning(Lsn to) throws IOException;

    /**
     * What records change that start from {@code from} on and before {@code to}; without that, all that are held to their ends.
     *
     * @return empty when not all of them are held
     */
    Optional<MergedChanges> changes(Lsn from, Optional<Lsn> to) throws IOException;
}
