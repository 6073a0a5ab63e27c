package io.walrelay.wal;

/**
 * A transaction identifier that never comes again: the epoch in the high 32 bits, the 32-bit identifier that tuples have in the low
 * ones (PostgreSQL: transam.h, FullTransactionId). 64 bits unsigned.
 */
public record FullTransactionId(long value) implements Comparable<FullTransactionId> {

    /** Identifiers below are nobody's transaction (transam.h, FirstNormalTransactionId). */
    private static final int FIRST_NORMAL = 3;

    public int epoch() {
        return (int) (value >>> 32);
    }

    /** The identifier without its epoch, unsigned. */
    public int xid() {
        return (int) value;
    }

    /** Whether a 32-bit identifier is one that a transaction can have. */
    public static boolean isNormal(int xid) {
        return Integer.compareUnsigned(xid, FIRST_NORMAL) >= 0;
    }

    /** Whether {@code a} is newer than {@code b}, both normal and less than 2^31 apart (transam.c, TransactionIdFollows). */
    public static boolean follows(int a, int b) {
        return a - b > 0;
    }

    /** The one that {@code xid} is short for, less than 2^31 before or after this one. */
    public FullTransactionId near(int xid) {
        return new FullTransactionId(value + (xid - xid()));
    }

    /** How many identifiers lie from {@code earlier} to here; negative when {@code earlier} is really later. */
    public long minus(FullTransactionId earlier) {
        return value - earlier.value;
    }

    @Override
    public int compareTo(FullTransactionId other) {
        return Long.compareUnsigned(value, other.value);
    }

    /** As pg_current_xact_id() prints it. */
    @Override
    public String toString() {
        return Long.toUnsignedString(value);
    }
}
