package io.walrelay.cache;

import io.walrelay.cache.index.Changes;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
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
    private final SegmentSize part;
    private final WalByManager byManager;
    private final WalRecord record = new WalRecord();
    private TimelineHistory lineage;

    /** What the part changes that is read, so far. */
    private Changes changes = new Changes();

    /** Where that part begins; {@link Lsn#INVALID} before the first. */
    private Lsn at = Lsn.INVALID;

    private Lsn end = Lsn.INVALID;

    /** The parts of its segment before it. */
    private final List<byte[]> parts = new ArrayList<>();

    /** Whether all records of the segment so far are among these. */
    private boolean whole;

    SegmentIndexing(ChangeIndex index, SegmentSize size, WalByManager byManager, TimelineHistory lineage) {
        this.index = index;
        this.byManager = byManager;
        this.size = size;
        this.part = index.part();
        this.lineage = lineage;
    }

    /** Reading begins at the beginning of a segment. */
    void begin(TimelineHistory along) {
        lineage = along;
        changes = new Changes();
        at = Lsn.INVALID;
        end = Lsn.INVALID;
    }

    /** Looks at the record that {@code reader} stands on. */
    void saw(WalReader reader) {
        Lsn start = reader.recordStart();
        if (!start.isBefore(end)) {
            goTo(start);
        }
        try {
            reader.take(record);
            changes.add(record);
            byManager.saw(record, reader.lastRecordEnd());
        } catch (MalformedRecordException e) {
            whole = false;
        }
    }

    private void goTo(Lsn start) {
        Lsn segment = size.startOf(start);
        if (at.isValid()) {
            Lsn stop = Lsn.min(size.endOf(at), part.startOf(start));
            for (Lsn done = at; done.isBefore(stop); done = part.endOf(done)) {
                parts.add(index.encode(lineage, done, changes));
                // As many as in the part before: then the tables hardly grow. A record may go through parts in which none starts.
                changes = new Changes(changes.blocks().size());
            }
        }
        if (!at.isValid() || !size.startOf(at).equals(segment)) {
            finish();
            parts.clear();
            whole = true;
            for (Lsn empty = segment; empty.isBefore(part.startOf(start)); empty = part.endOf(empty)) {
                parts.add(index.encode(lineage, empty, new Changes()));
            }
        }
        at = part.startOf(start);
        end = part.endOf(start);
    }

    private void finish() {
        if (!at.isValid() || !whole) {
            return;
        }
        try {
            index.keep(lineage, size.startOf(at), parts);
        } catch (IOException e) {
            log.warn("the change index of the segment at {} can't be kept now: {}", size.startOf(at), e.getMessage());
        }
    }
}
