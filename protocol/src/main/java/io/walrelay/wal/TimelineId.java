package io.walrelay.wal;

import org.jspecify.annotations.Nullable;

/** The number of a timeline, 1 to 2^32-1 (PostgreSQL: xlogdefs.h, TimeLineID). A number alone does not name a history: see {@link TimelineHistory}. */
public record TimelineId(int value) implements Comparable<TimelineId> {

    public TimelineId {
        if (value == 0) {
            throw new IllegalArgumentException("timeline 0 does not exist; the first timeline is 1");
        }
    }

    public static TimelineId of(long value) {
        if (value < 1 || value > 0xFFFF_FFFFL) {
            throw new IllegalArgumentException("not a timeline: %d; expected 1 to 4294967295".formatted(value));
        }
        return new TimelineId((int) value);
    }

    /** Reads a decimal number. */
    public static TimelineId parse(String text) {
        // Long.parseLong alone would take a sign and the digits of other scripts.
        if (!text.matches("0*[0-9]{1,18}")) {
            throw new IllegalArgumentException("not a timeline: \"%s\"; expected a decimal number, 1 to 4294967295".formatted(text));
        }
        return of(Long.parseLong(text));
    }

    public long toLong() {
        return Integer.toUnsignedLong(value);
    }

    @Override
    public int compareTo(TimelineId other) {
        return Integer.compareUnsigned(value, other.value);
    }

    // The record's own would go by method handles, which are slow at first (docs/architecture.md, "Rewind: its start").
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof TimelineId timeline && timeline.value == value;
    }

    @Override
    public int hashCode() {
        return value;
    }

    @Override
    public String toString() {
        return Integer.toUnsignedString(value);
    }
}
