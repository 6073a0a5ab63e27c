package io.walrelay.wal;

/**
 * What a standby asks its upstream to keep for it (hot_standby_feedback; pg_replication_slots): rows that transactions from {@code xmin}
 * on may see, and rows of catalogs from {@code catalogXmin} on.
 *
 * @param xmin {@link FullTransactionId#INVALID} for none
 * @param catalogXmin for slots of logical replication on the standby; {@link FullTransactionId#INVALID} for none
 */
public record Xmins(FullTransactionId xmin, FullTransactionId catalogXmin) {

    public static final Xmins NONE = new Xmins(FullTransactionId.INVALID, FullTransactionId.INVALID);

    public boolean isNone() {
        return equals(NONE);
    }

    /**
     * What a slot that keeps this keeps when its standby reports {@code reported}: each goes forward, begins and ends, but never back, since what was
     * let go may be gone (walsender.c, PhysicalReplicationSlotNewXmin). One that it can't have been since it is half of the circle away is replaced.
     */
    public Xmins reported(Xmins reported) {
        return new Xmins(forward(xmin, reported.xmin), forward(catalogXmin, reported.catalogXmin));
    }

    private static FullTransactionId forward(FullTransactionId kept, FullTransactionId reported) {
        boolean back = kept.isValid() && reported.isValid() && reported.isBefore(kept) && kept.minus(reported) < FullTransactionId.HALF_CIRCLE;
        return back ? kept : reported;
    }
}
