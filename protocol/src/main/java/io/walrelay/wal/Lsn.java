package io.walrelay.wal;

import org.jspecify.annotations.Nullable;

/**
 * A log sequence number: a byte position in the write-ahead log, 64 bits unsigned (PostgreSQL: xlogdefs.h, XLogRecPtr).
 * Zero is PostgreSQL's InvalidXLogRecPtr and is called {@link #INVALID} here; it orders before every real position.
 */
public record Lsn(long value) implements Comparable<Lsn> {

    public static final Lsn INVALID = new Lsn(0);

    /** Orders after every real position. */
    public static final Lsn LAST = new Lsn(-1);

    /**
     * Reads the form that PostgreSQL prints: two hexadecimal halves, {@code 16/B374D848}.
     *
     * @throws IllegalArgumentException if {@code text} is not of that form
     */
    public static Lsn parse(String text) {
        int slash = text.indexOf('/');
        if (isHexWord(text, 0, slash) && isHexWord(text, slash + 1, text.length())) {
            long high = Long.parseLong(text, 0, slash, 16);
            long low = Long.parseLong(text, slash + 1, text.length(), 16);
            return new Lsn(high << 32 | low);
        }
        throw new IllegalArgumentException(
                "not an LSN: \"%s\"; expected two hexadecimal numbers of up to 8 digits, like 16/B374D848".formatted(text));
    }

    private static boolean isHexWord(String text, int from, int to) {
        if (to - from < 1 || to - from > 8) {
            return false;
        }
        for (int i = from; i < to; i++) {
            if (Character.digit(text.charAt(i), 16) < 0 || text.charAt(i) > 'f') {
                return false;
            }
        }
        return true;
    }

    public boolean isValid() {
        return value != 0;
    }

    /** The position {@code bytes} further on. */
    public Lsn plus(long bytes) {
        return new Lsn(value + bytes);
    }

    /** How many bytes lie from {@code earlier} to here; negative when {@code earlier} is really later. */
    public long minus(Lsn earlier) {
        return value - earlier.value;
    }

    public boolean isBefore(Lsn other) {
        return compareTo(other) < 0;
    }

    public boolean isAfter(Lsn other) {
        return compareTo(other) > 0;
    }

    public boolean isAtLeast(Lsn other) {
        return compareTo(other) >= 0;
    }

    public boolean isAtMost(Lsn other) {
        return compareTo(other) <= 0;
    }

    public static Lsn min(Lsn a, Lsn b) {
        return a.isBefore(b) ? a : b;
    }

    public static Lsn max(Lsn a, Lsn b) {
        return a.isAfter(b) ? a : b;
    }

    @Override
    public int compareTo(Lsn other) {
        return Long.compareUnsigned(value, other.value);
    }

    // The record's own would go by method handles, which are slow at first (docs/architecture.md, "Rewind: its start").
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Lsn lsn && lsn.value == value;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(value);
    }

    /** PostgreSQL's own form ({@code %X/%X}). */
    @Override
    public String toString() {
        return "%X/%X".formatted(value >>> 32, value & 0xFFFF_FFFFL);
    }
}
