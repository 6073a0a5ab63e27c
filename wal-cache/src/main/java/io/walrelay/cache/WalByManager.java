package io.walrelay.cache;

import io.walrelay.cache.index.Changes;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.ResourceManager;
import io.walrelay.wal.format.WalRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * How much of the WAL that came since the start is whose, a fraction of a second after it came: the same numbers as the change index has of whole
 * segments, of which a quiet cluster fills one in hours. They only grow. WAL that is read again, or was there at the start, does not count.
 *
 * <p>Written by the thread that reads the log; may be asked by any.
 */
public final class WalByManager {

    /** A resource manager's number is one byte. */
    private static final int MANAGERS = 1 << Byte.SIZE;

    private static final int BYTES = 1;
    private static final int IMAGE_BYTES = 2;
    private static final int COUNTS = 4;

    /** By resource manager: records, bytes, bytes of images. */
    private final AtomicLongArray counts = new AtomicLongArray(MANAGERS * COUNTS);

    /* Confined to the thread that reads. */
    private TimelineHistory lineage;
    /** Records that start before were counted. */
    private Lsn counted;

    /** @param end what lies before it was there at the start */
    WalByManager(EndOfWal end) {
        this.lineage = end.lineage();
        this.counted = end.written();
    }

    /** Reads on along {@code other}: what it has past the fork was not counted yet. */
    void follow(TimelineHistory other) {
        counted = other.forkWith(lineage).map(fork -> Lsn.min(fork, counted)).orElse(counted);
        lineage = other;
    }

    /** That record was read, which ends at {@code end}. */
    void saw(WalRecord record, Lsn end) {
        if (record.start().isBefore(counted)) {
            return;
        }
        counted = end;
        int images = 0;
        for (int i = 0; i < record.blockCount(); i++) {
            images += record.imageLength(i);
        }
        int at = record.resourceManager() * COUNTS;
        add(at, 1);
        add(at + BYTES, record.length());
        add(at + IMAGE_BYTES, images);
    }

    /** One thread writes, so nothing comes in between. */
    private void add(int at, long more) {
        counts.setRelease(at, counts.getPlain(at) + more);
    }

    /** Of those that have records, by their number. */
    public List<Changes.ManagerStatistics> counts() {
        List<Changes.ManagerStatistics> all = new ArrayList<>();
        for (int i = 0; i < MANAGERS; i++) {
            int at = i * COUNTS;
            long records = counts.getAcquire(at);
            if (records > 0) {
                all.add(new Changes.ManagerStatistics(ResourceManager.titleOf(i), records, counts.getAcquire(at + BYTES), counts.getAcquire(at + IMAGE_BYTES)));
            }
        }
        return all;
    }
}
