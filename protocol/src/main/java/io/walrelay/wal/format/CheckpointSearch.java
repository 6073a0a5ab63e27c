package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.util.Optional;

/**
 * Looks for the last checkpoint before a position (PostgreSQL: pg_rewind's findLastCheckpoint). That one goes from record to record by their
 * prev links; here segments are read forwards, the newest first, which finds the same and reads each byte once: about a second for each gigabyte
 * between the checkpoint and the position. A server writes a checkpoint at least every max_wal_size.
 *
 * <p>Confined to one thread.
 */
public final class CheckpointSearch {

    /** What a search comes to. */
    public sealed interface Outcome {}

    /** @param at where the checkpoint's record starts */
    public record Found(Lsn at, RecordBody.Checkpoint checkpoint) implements Outcome {}

    /** There is none from where was looked on. */
    public record None() implements Outcome {}

    /** The log can't be followed all the way: newer than {@code end.at()} there is none. */
    public record Broken(WalEnd end) implements Outcome {}

    /** Who knows of whole segments what is in them without reading them. */
    @FunctionalInterface
    public interface Index {

        /** Empty when nothing is known of the segment that begins at {@code start}. */
        Optional<Known> segment(Lsn start) throws IOException;
    }

    /** @param last where the record of the last checkpoint of a segment starts; empty when it has none */
    public record Known(Optional<Lsn> last) {}

    private final WalSource source;
    private final WalIdentity identity;
    private final SegmentSize size;
    private final Index index;
    private final WalRecord record = new WalRecord();

    public CheckpointSearch(WalSource source, WalIdentity identity) {
        this(source, identity, _ -> Optional.empty());
    }

    /** @param index says which segments need not be read */
    public CheckpointSearch(WalSource source, WalIdentity identity, Index index) {
        this.source = source;
        this.identity = identity;
        this.size = identity.segmentSize();
        this.index = index;
    }

    /**
     * The last of the checkpoints whose records start from {@code oldest} on and before {@code end}.
     *
     * @param oldest the beginning of a segment
     * @throws IOException if WAL could not be looked at, or a checkpoint's record says what none can
     */
    public Outcome lastBefore(Lsn oldest, Lsn end) throws IOException {
        Lsn stop = end;
        while (stop.isAfter(oldest)) {
            Lsn start = size.startOf(stop.plus(-1));
            Optional<Known> known = index.segment(start);
            Outcome outcome = known.isPresent() ? lastIn(known.get(), start, stop) : lastIn(start, stop);
            if (!(outcome instanceof None)) {
                return outcome;
            }
            stop = start;
        }
        return new None();
    }

    private Outcome lastIn(Known known, Lsn start, Lsn stop) throws IOException {
        if (known.last().isEmpty()) {
            return new None();
        }
        Lsn at = known.last().get();
        WalReader reader = WalReader.open(source, identity, at);
        // Before one that begins at the end or behind it there may be others.
        return at.isBefore(stop) && reader.next() && reader.recordStart().equals(at) && RecordBodies.isCheckpoint(reader.resourceManager(), reader.info())
                ? new Found(at, checkpoint(reader))
                : lastIn(start, stop);
    }

    private Outcome lastIn(Lsn start, Lsn stop) throws IOException {
        Outcome last = new None();
        WalReader reader = WalReader.open(source, identity, start);
        while (reader.next()) {
            if (reader.recordStart().isAtLeast(stop)) {
                return last;
            }
            if (RecordBodies.isCheckpoint(reader.resourceManager(), reader.info())) {
                last = new Found(reader.recordStart(), checkpoint(reader));
            }
        }
        WalEnd end = reader.end().orElseThrow();
        return end.at().isBefore(stop) ? new Broken(end) : last;
    }

    private RecordBody.Checkpoint checkpoint(WalReader reader) throws IOException {
        try {
            reader.take(record);
            return RecordBodies.checkpoint(record);
        } catch (MalformedRecordException e) {
            throw new IOException("a checkpoint can't be read: " + e.getMessage(), e);
        }
    }
}
