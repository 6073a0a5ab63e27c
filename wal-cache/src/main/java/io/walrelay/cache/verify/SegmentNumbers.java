package io.walrelay.cache.verify;

import java.util.BitSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.OptionalLong;
import java.util.TreeMap;

/** A set of segment numbers that takes a bit for each: an archive may have millions. Not thread-safe while it is filled. */
final class SegmentNumbers {

    private static final int GROUP = 1024;

    private final NavigableMap<Long, BitSet> groups = new TreeMap<>();

    void add(long number) {
        groups.computeIfAbsent(number / GROUP, _ -> new BitSet(GROUP)).set((int) (number % GROUP));
    }

    boolean contains(long number) {
        BitSet group = groups.get(number / GROUP);
        return group != null && group.get((int) (number % GROUP));
    }

    /** The smallest that is at least {@code number}. */
    OptionalLong atLeast(long number) {
        for (Map.Entry<Long, BitSet> entry : groups.tailMap(number / GROUP, true).entrySet()) {
            long start = entry.getKey() * GROUP;
            int found = entry.getValue().nextSetBit((int) Math.max(0, number - start));
            if (found >= 0) {
                return OptionalLong.of(start + found);
            }
        }
        return OptionalLong.empty();
    }

    OptionalLong last() {
        Map.Entry<Long, BitSet> entry = groups.lastEntry();
        return entry == null ? OptionalLong.empty() : OptionalLong.of(entry.getKey() * GROUP + entry.getValue().length() - 1);
    }

    long count() {
        return groups.values().stream().mapToLong(BitSet::cardinality).sum();
    }
}
