package io.walrelay.cache.lookup;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import java.util.OptionalInt;

/** Where a file's bytes may be. */
public sealed interface Place {

    /**
     * How much of a segment's file is the answer.
     *
     * @param bytes from its beginning; empty for all that there is
     * @param padded whether zeros follow, up to a whole segment
     */
    record Extent(OptionalInt bytes, boolean padded) {

        static final Extent ALL = new Extent(OptionalInt.empty(), false);
    }

    /** A segment of the relay's own history on its disk. */
    record Own(SegmentId id, Extent extent) implements Place {}

    /** A segment past a fork. */
    record Orphan(TimelineHistory lineage, SegmentId id, Extent extent) implements Place {}

    record Archived(ArchivedName name, Extent extent) implements Place {}

    /** A timeline's history, as it came or else as the relay knows it. */
    record History(TimelineHistory lineage) implements Place {}
}
