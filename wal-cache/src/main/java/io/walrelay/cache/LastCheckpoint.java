package io.walrelay.cache;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.IOException;
import java.util.Optional;

/**
 * From where a base backup that is taken now will have to replay: the redo of the last checkpoint in the log (slot.c,
 * ReplicationSlotReserveWal). Read from the files, the newest segment first: a server writes a checkpoint at least every max_wal_size.
 */
final class LastCheckpoint {

    private final HeldLog log;
    private final WalIdentity identity;
    private final SegmentSize size;
    private final WalRecord record = new WalRecord();

    LastCheckpoint(HeldLog log, WalIdentity identity) {
        this.log = log;
        this.identity = identity;
        this.size = identity.segmentSize();
    }

    /**
     * The redo of the last checkpoint whose record lies between {@code oldest} and {@code end}, if there is one. Reads the disk for
     * as long as it takes to get there: about a second for each gigabyte.
     *
     * @param oldest the beginning of a segment
     */
    Optional<Lsn> redo(Lsn oldest, Lsn end) throws IOException {
        for (Lsn start = size.startOf(end); start.isAtLeast(oldest); start = start.plus(-size.bytes())) {
            Optional<Lsn> last = lastIn(start, Lsn.min(end, start.plus(size.bytes())));
            if (last.isPresent()) {
                return last;
            }
            if (start.value() == 0) {
                break;
            }
        }
        return Optional.empty();
    }

    /** Of those that start from {@code start} on and before {@code stop}. */
    private Optional<Lsn> lastIn(Lsn start, Lsn stop) throws IOException {
        Optional<Lsn> last = Optional.empty();
        WalReader reader = WalReader.open(log, identity, start);
        while (reader.next() && reader.recordStart().isBefore(stop)) {
            if (RecordBodies.isCheckpoint(reader.resourceManager(), reader.info())) {
                last = Optional.of(redo(reader));
            }
        }
        return last;
    }

    private Lsn redo(WalReader reader) throws IOException {
        try {
            reader.take(record);
            return RecordBodies.redo(record);
        } catch (MalformedRecordException e) {
            throw new IOException("the last checkpoint can't be read: " + e.getMessage(), e);
        }
    }
}
