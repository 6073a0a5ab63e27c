package io.walrelay.wal;

/**
 * A transaction's number with its epoch, 64 bits unsigned, so that it is taken once only (PostgreSQL: transam.h,
 * FullTransactionId; SQL: xid8). Its lower half is what rows and records have, and what most views show. Zero is PostgreSQL's
 * InvalidTransactionId and is called {@link #INVALID} here.
 */
public record FullTransactionId(long value) implements Comparable<FullTransactionId> {

    public static final FullTransactionId INVALID = new FullTransactionId(0);

    /** transam.h, FirstNormalTransactionId: the numbers before it mean no transaction, in any epoch. */
    private static final int FIRST_NORMAL = 3;

    /** Half of the circle on which 32-bit numbers are compared (transam.c, TransactionIdPrecedes): what is further apart can't be. */
    public static final long HALF_CIRCLE = 1L << 31;

    /** The transaction that {@code xid} means in {@code epoch}; {@link #INVALID} when it means none, as 0 does. */
    public static FullTransactionId of(int epoch, int xid) {
        return isNormal(xid) ? new FullTransactionId((long) epoch << 32 | Integer.toUnsignedLong(xid)) : INVALID;
    }

    /** Whether it is a transaction's number (transam.h, TransactionIdIsNormal). */
    public static boolean isNormal(int xid) {
        return Integer.compareUnsigned(xid, FIRST_NORMAL) >= 0;
    }

    public boolean isValid() {
        return value != 0;
    }

    public int epoch() {
        return (int) (value >>> 32);
    }

    /** The lower half. */
    public int xid() {
        return (int) value;
    }

    /** The nearest one that has {@code xid} as its lower half, which is within half of the circle; {@link #INVALID} where there was none yet. */
    public FullTransactionId near(int xid) {
        // Past the end of 32 bits it begins anew, as their circle does.
        int distance = xid - xid();
        boolean none = distance < 0 && Long.compareUnsigned(value, -(long) distance) <= 0;
        return none ? INVALID : new FullTransactionId(value + distance);
    }

    /** The one that is given out after it. */
    public FullTransactionId next() {
        return new FullTransactionId(value + 1).orFirstNormal();
    }

    /** The one {@code transactions} before it, or the next that is a transaction's (transam.h, TransactionIdRetreatedBy). */
    public FullTransactionId before(long transactions) {
        return Long.compareUnsigned(value, transactions) <= 0 ? of(0, FIRST_NORMAL) : new FullTransactionId(value - transactions).orFirstNormal();
    }

    private FullTransactionId orFirstNormal() {
        return isNormal(xid()) ? this : of(epoch(), FIRST_NORMAL);
    }

    /** How many numbers lie from {@code earlier} to here; negative when {@code earlier} is really later. */
    public long minus(FullTransactionId earlier) {
        return value - earlier.value;
    }

    public boolean isBefore(FullTransactionId other) {
        return compareTo(other) < 0;
    }

    @Override
    public int compareTo(FullTransactionId other) {
        return Long.compareUnsigned(value, other.value);
    }

    /** As SQL shows an xid8. */
    @Override
    public String toString() {
        return Long.toUnsignedString(value);
    }
}
