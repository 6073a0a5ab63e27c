package io.walrelay.rewind.journal;

import java.util.Map;

/**
 * How much a change will write, so that a full disk shows before anything was touched.
 *
 * @param oldBytes that will be overwritten or cut off: the journal has to hold them
 * @param replacedBytes of files that are removed or replaced as a whole: they cost the journal nothing where it can take them by renaming
 * @param newBytes by which directories grow, for each path relative to the data directory ({@code ""}, {@code pg_wal},
 *     {@code pg_tblspc/16384}); those on one file system are added up
 */
public record Space(long oldBytes, long replacedBytes, Map<String, Long> newBytes) {

    /** For a change whose size does not matter. */
    public static final Space LITTLE = new Space(0, 0, Map.of());

    public Space {
        newBytes = Map.copyOf(newBytes);
    }
}
