package io.walrelay.wal;

import org.jspecify.annotations.Nullable;

/**
 * How many bytes a WAL segment file has: a power of two from 1 MB to 1 GB, fixed by initdb (PostgreSQL: xlog_internal.h,
 * IsValidWalSegSize). All arithmetic between positions and segments is here.
 */
public record SegmentSize(int bytes) {

    public static final SegmentSize DEFAULT = new SegmentSize(16 << 20);

    public SegmentSize {
        if (bytes < 1 << 20 || bytes > 1 << 30 || Integer.bitCount(bytes) != 1) {
            throw new IllegalArgumentException(
                    "not a WAL segment size: %d bytes; expected a power of two from 1 MB to 1 GB".formatted(bytes));
        }
    }

    /** Reads what {@code SHOW wal_segment_size} prints: {@code 16MB}, {@code 1GB}. */
    public static SegmentSize parse(String text) {
        // Without a sign, which parseInt would take.
        String digits = text.matches("[0-9]+[MG]B") ? text.substring(0, text.length() - 2) : "";
        try {
            if (text.endsWith("MB")) {
                return new SegmentSize(Math.multiplyExact(Integer.parseInt(digits), 1 << 20));
            }
            if (text.endsWith("GB")) {
                return new SegmentSize(Math.multiplyExact(Integer.parseInt(digits), 1 << 30));
            }
        } catch (NumberFormatException | ArithmeticException e) {
            throw new IllegalArgumentException("not a WAL segment size: \"%s\"; expected a form like 16MB".formatted(text), e);
        }
        throw new IllegalArgumentException("not a WAL segment size: \"%s\"; expected a form like 16MB".formatted(text));
    }

    /** The number of the segment that {@code lsn} lies in; at a boundary that is the segment that it begins. */
    public long segmentNumber(Lsn lsn) {
        return lsn.value() >>> shift();
    }

    /** Where segment {@code number} begins. */
    public Lsn start(long number) {
        return new Lsn(number << shift());
    }

    /** Where the segment that {@code lsn} lies in begins. */
    public Lsn startOf(Lsn lsn) {
        return new Lsn(lsn.value() & -(long) bytes);
    }

    /** Bytes from the beginning of its segment to {@code lsn}; 0 at a boundary. */
    public int offset(Lsn lsn) {
        return (int) (lsn.value() & (bytes - 1));
    }

    /** The first position after the segment that {@code lsn} lies in. */
    public Lsn endOf(Lsn lsn) {
        return startOf(lsn).plus(bytes);
    }

    /** How many segments have bytes from {@code from} on and before {@code to}. */
    public int segments(Lsn from, Lsn to) {
        return from.isBefore(to) ? (int) (segmentNumber(to.plus(-1)) - segmentNumber(from)) + 1 : 0;
    }

    int shift() {
        return Integer.numberOfTrailingZeros(bytes);
    }

    // The record's own would go by method handles, which are slow at first (docs/architecture.md, "Rewind: its start").
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof SegmentSize size && size.bytes == bytes;
    }

    @Override
    public int hashCode() {
        return bytes;
    }

    /** As {@code SHOW wal_segment_size} prints it. */
    @Override
    public String toString() {
        return bytes == 1 << 30 ? "1GB" : (bytes >> 20) + "MB";
    }
}
