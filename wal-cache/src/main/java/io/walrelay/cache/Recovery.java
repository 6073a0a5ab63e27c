package io.walrelay.cache;

import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.RecordTracker;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the end of WAL again after the relay went down, however it went down.
 *
 * <pre>
 *   …| whole segment | whole segment | .partial                     |
 *                                    ▲               ▲         ▲
 *                                    trusted         end       garbage, zeros, half a record
 * </pre>
 *
 * <p>A whole segment has its name only since its bytes, and bytes and names of all before it, were durable: it is trusted as
 * it is, and so is what the state calls settled. In what follows, the end is that of the last record that can be proved by
 * its checksum. No acknowledged byte lies beyond, because {@link EndOfWal#acknowledgeable} is never past a record's end.
 * Reading begins before the trusted end, so that a record that spans two segments is proved as a whole. One whose beginning
 * the relay does not hold proves nothing: some of its pages may be lost although those after it are there.
 */
final class Recovery {

    private static final Logger logger = LoggerFactory.getLogger(Recovery.class);

    /**
     * @param end where WAL ends
     * @param tracker goes on there
     * @param provableFrom what the next recovery has to read to prove the present segment begins here
     * @param lastRecord where the last whole record ends; before {@code end} only where that is a segment's end inside a record, and
     *     the same as {@code end} where it is not known
     */
    record Found(EndOfWal end, RecordTracker tracker, Lsn provableFrom, Lsn lastRecord) {}

    private final SegmentFiles files;
    private final SegmentSize size;
    private final TimelineHistory lineage;
    private final WalIdentity identity;
    private final HeldLog log;
    private final Lsn floor;
    private final Lsn settled;

    Recovery(SegmentFiles files, CacheState state) {
        this.files = files;
        this.size = state.segmentSize();
        this.lineage = state.lineage();
        this.identity = new WalIdentity(state.system(), size, lineage);
        this.log = HeldLog.whole(files, lineage);
        this.floor = state.floor();
        this.settled = state.settled();
    }

    /** Leaves the disk so that all before the end is durable and nothing lies behind it. */
    Found recover() throws IOException {
        Lsn trusted = trusted();
        Lsn scanStart = trusted.equals(settled) ? settled : scanStart(trusted);
        Lsn end = trusted;
        if (isPartial(SegmentId.at(lineage.timeline(), trusted, size))) {
            end = provenEnd(scanStart, trusted);
        }
        settle(trusted, end);
        // At a segment's beginning a record may go on whose beginning is not known; everywhere else the end is a record's.
        RecordTracker tracker = size.offset(end) == 0 ? RecordTracker.atPage(size, end) : RecordTracker.atRecord(size, end);
        return new Found(new EndOfWal(lineage, end, end, end, end), tracker, Lsn.min(scanStart, end), lastRecordBefore(end));
    }

    /** A promotion may cut off a record that crosses {@code end}: nobody was told that such a record is safe. */
    private Lsn lastRecordBefore(Lsn end) throws IOException {
        if (size.offset(end) != 0) {
            return end;
        }
        Lsn scanStart = scanStart(end);
        WalReader reader = WalReader.open(log.upTo(end), identity, scanStart);
        var _ = reader.skipToEnd();
        return reader.lastRecordEnd().isValid() ? reader.lastRecordEnd() : end;
    }

    /** What is settled, or the end of the newest whole segment that no partial one comes before. */
    private Lsn trusted() {
        Lsn trusted = settled;
        for (SegmentFiles.Held held : files.all()) {
            if (held.id().timeline().equals(lineage.timeline()) && held.id().end(size).isAfter(settled)) {
                if (!held.whole()) {
                    break;
                }
                trusted = held.id().end(size);
            }
        }
        return trusted;
    }

    private boolean isPartial(SegmentId id) {
        return files.find(id).filter(h -> !h.whole()).isPresent();
    }

    /** A segment's beginning far enough back that the record which spans {@code trusted} begins after it, if that is held. */
    private Lsn scanStart(Lsn trusted) throws IOException {
        Lsn start = size.startOf(trusted);
        while (start.isAfter(floor) && files.locate(lineage, start.plus(-1)).isPresent()) {
            start = size.startOf(start.plus(-1));
            WalReader reader = WalReader.open(log, identity, start);
            if (reader.next() && reader.recordStart().isBefore(trusted)) {
                break;
            }
        }
        return start;
    }

    private Lsn provenEnd(Lsn scanStart, Lsn trusted) throws IOException {
        WalReader reader = WalReader.open(log, identity, scanStart);
        boolean found = reader.next();
        Lsn end = trusted;
        if (found && reader.recordStart().isAtMost(Lsn.max(trusted, afterPageHeader(scanStart)))) {
            String reason = reader.skipToEnd().message();
            end = Lsn.max(trusted, reader.lastRecordEnd());
            logger.atInfo().addKeyValue("trusted", trusted.toString()).addKeyValue("end", end.toString()).log("recovered the end of WAL: {}", reason);
        } else {
            logger.atInfo().addKeyValue("end", end.toString()).log("recovered the end of WAL: no record after it can be proved");
        }
        return end;
    }

    /** Where the first record starts when no other goes on at {@code lsn}. */
    private Lsn afterPageHeader(Lsn lsn) {
        if (size.offset(lsn) == 0) {
            return lsn.plus(PageHeader.LONG_SIZE);
        }
        return size.offset(lsn) % PageHeader.PAGE_SIZE == 0 ? lsn.plus(PageHeader.SHORT_SIZE) : lsn;
    }

    /** What was found may be in the kernel's memory only: names and bytes are made durable, and what lies behind is wiped. */
    private void settle(Lsn trusted, Lsn end) throws IOException {
        // Before a segment gets its whole name, for which those before it must have theirs.
        files.syncNames();
        for (SegmentFiles.Held held : files.all()) {
            SegmentId id = held.id();
            boolean proved = id.end(size).isAtMost(end);
            if (!id.timeline().equals(lineage.timeline()) || id.end(size).isAtMost(trusted) || (proved && held.whole())) {
                continue;
            }
            if (proved) {
                rewrite(id, trusted, end);
                files.completeSegment(id);
            } else if (id.start(size).isAtLeast(end) && held.whole() || id.start(size).isAfter(end)) {
                files.delete(id);
            } else {
                // Its whole name was kept, the one before it was not; the record that crosses its end did not come.
                files.resumeSegment(id);
                rewrite(id, trusted, end);
            }
        }
        files.syncNames();
    }

    /**
     * Writes what was proved of a segment again, zeros behind it, and syncs. Syncing alone would not do: after a sync that
     * failed, and ended the process before this one, the kernel may hold for clean what never reached the disk.
     */
    private void rewrite(SegmentId id, Lsn trusted, Lsn end) throws IOException {
        int from = (int) Math.max(0, trusted.minus(id.start(size)));
        int proved = (int) Math.min(size.bytes(), end.minus(id.start(size)));
        ByteBuffer bytes = ByteBuffer.allocate(1 << 20);
        try (Storage.File file = files.openForWriting(id)) {
            for (int at = from; at < size.bytes(); at += bytes.limit()) {
                bytes.clear().limit(Math.min(bytes.capacity(), size.bytes() - at));
                int kept = Math.clamp(proved - at, 0, bytes.limit());
                file.read(bytes.slice(0, kept), at);
                Arrays.fill(bytes.array(), kept, bytes.limit(), (byte) 0);
                file.write(bytes, at);
            }
            file.sync();
        }
    }
}
