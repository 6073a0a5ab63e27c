package io.walrelay.cache;

import io.walrelay.cache.index.Changes;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the change index of the segments that {@link WalVerifier} reads, so that WAL which comes is read once for both. A segment's index is kept
 * when a record of a later one was seen. Whatever is not made here, for a segment was not read in one go, {@link HeldIndexing} makes later.
 *
 * <p>Confined to the verifier's thread.
 */
final class SegmentIndexing {

    private static final Logger log = LoggerFactory.getLogger(SegmentIndexing.class);

    private final ChangeIndex index;
    private final SegmentSize size;
    private final WalRecord record = new WalRecord();
    private TimelineHistory lineage;
    private Changes changes = new Changes();

    /** Where the segment begins that is gathered; {@link Lsn#INVALID} when none is. */
    private Lsn segment = Lsn.INVALID;

    private Lsn segmentEnd = Lsn.INVALID;

    /** Whether all of its records so far are among {@link #changes}. */
    private boolean whole;

    SegmentIndexing(ChangeIndex index, SegmentSize size, TimelineHistory lineage) {
        this.index = index;
        this.size = size;
        this.lineage = lineage;
    }

    /** Reading begins at the beginning of a segment. */
    void begin(TimelineHistory along) {
        lineage = along;
        whole = false;
        segment = Lsn.INVALID;
        segmentEnd = Lsn.INVALID;
    }

    /** Looks at the record that {@code reader} stands on. */
    void saw(WalReader reader) {
        Lsn start = reader.recordStart();
        if (!segment.isValid() || start.isAtLeast(segmentEnd)) {
            finish();
            segment = size.startOf(start);
            segmentEnd = size.endOf(start);
            changes = new Changes();
            whole = true;
        }
        try {
            reader.take(record);
            changes.add(record);
        } catch (MalformedRecordException e) {
            whole = false;
        }
    }

    private void finish() {
        if (!whole) {
            return;
        }
        try {
            index.keep(lineage, segment, changes);
        } catch (IOException e) {
            log.warn("the change index of the segment at {} can't be kept now: {}", segment, e.getMessage());
        }
    }
}
