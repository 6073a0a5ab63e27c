package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RecordEnd;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.BlockReference;
import io.walrelay.wal.format.CheckpointSearch;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RecordBodies;
import io.walrelay.wal.format.WalEnd;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;
import java.util.Optional;

/** What the target's own WAL says (pg_rewind: parsexlog.c). Confined to one thread. */
public final class TargetWal {

    private static final String MISSING = "Where the target's older WAL is archived, --restore-target-wal finds it; where a relay holds it, --relay does.";

    private final WalSource source;
    private final WalSource local;
    private final WalIdentity identity;
    private final HeldChanges held;
    private final ProvenSegments proven;
    private final WalRecord record = new WalRecord();

    /**
     * @param source the WAL along the target's lineage, wherever it is
     * @param local what the target's own pg_wal has of it
     * @param held what somebody knows of its changes, and {@code proven} where that is of these very bytes
     */
    public TargetWal(WalSource source, WalSource local, WalIdentity identity, HeldChanges held, ProvenSegments proven) {
        this.source = source;
        this.local = local;
        this.identity = identity;
        this.held = held;
        this.proven = proven;
    }

    /**
     * How far the target has gone: its files, or its WAL that it would replay when it starts.
     *
     * @throws RefusedException when its WAL does not tell
     */
    public Lsn end(ControlFile control) throws IOException, RefusedException {
        return switch (control.state()) {
            case SHUTDOWNED -> endOfRecordAt(control.checkpoint());
            case SHUTDOWNED_IN_RECOVERY, IN_ARCHIVE_RECOVERY -> endOfStandby(control);
            case STARTUP, SHUTDOWNING, IN_CRASH_RECOVERY, IN_PRODUCTION -> endOfValidWal(control.redo());
        };
    }

    /**
     * It writes a block only after its minRecoveryPoint has passed what last changed it, and may have received more than it has replayed. What
     * others wrote and it never received, an archive may hold: that is none of its own.
     */
    private Lsn endOfStandby(ControlFile control) throws IOException {
        Lsn files = control.minRecoveryPoint().isValid() ? RecordEnd.before(control.minRecoveryPoint(), size()) : control.checkpoint();
        WalReader reader = WalReader.open(local, identity, size().startOf(files));
        var _ = reader.skipToEnd();
        return Lsn.max(files, reader.lastRecordEnd());
    }

    private SegmentSize size() {
        return identity.segmentSize();
    }

    private Lsn endOfRecordAt(Lsn start) throws IOException, RefusedException {
        WalReader reader = WalReader.open(source, identity, start);
        if (!reader.next() || !reader.recordStart().equals(start)) {
            throw unreadable("could not read WAL record at %s".formatted(start), reader);
        }
        return reader.lastRecordEnd();
    }

    private Lsn endOfValidWal(Lsn redo) throws IOException, RefusedException {
        WalReader reader = afterProven(redo);
        WalEnd end = reader.skipToEnd();
        if (!reader.lastRecordEnd().isValid()) {
            throw unreadable("could not read WAL record at %s".formatted(redo), reader);
        }
        if (!(end instanceof WalEnd.Flaw) && end.at().equals(size().startOf(end.at())) && isThere(end.at().plus(size().bytes()))) {
            throw new RefusedException("a segment of the target's WAL is missing: the one that begins at %s; the next is there".formatted(end.at()), MISSING);
        }
        return reader.lastRecordEnd();
    }

    /**
     * A reader from {@code redo} on, or from the last of the segments from there on that are proved to be right. That a record starts in it tells that
     * the one before has ended in it, too.
     */
    private WalReader afterProven(Lsn redo) throws IOException {
        Lsn last = size().startOf(redo);
        for (Lsn at = last; proven.isProven(at); at = size().endOf(at)) {
            last = at;
        }
        if (last.isAfter(redo)) {
            WalReader reader = WalReader.open(source, identity, last);
            if (reader.next() && reader.recordStart().isBefore(size().endOf(last))) {
                return reader;
            }
        }
        return WalReader.open(source, identity, redo);
    }

    /** Whether WAL was written there, not only a file for it made. */
    private boolean isThere(Lsn segment) throws IOException {
        WalReader reader = WalReader.open(source, identity, segment);
        return reader.next();
    }

    /**
     * The last checkpoint whose record begins before {@code fork}.
     *
     * @throws RefusedException when WAL is missing before there is one
     */
    public ReplayStart lastCheckpointBefore(Lsn fork) throws IOException, RefusedException {
        return switch (new CheckpointSearch(source, identity, proven::checkpoints).lastBefore(Lsn.INVALID, fork)) {
            case CheckpointSearch.Found(var at, var checkpoint) -> new ReplayStart(checkpoint.redo(), at, checkpoint.timeline(), ReplayStart.Reason.COMMON);
            case CheckpointSearch.None() -> throw new RefusedException("there is no checkpoint before %s".formatted(fork));
            case CheckpointSearch.Broken(var end) -> throw new RefusedException("could not find previous WAL record at %s: %s".formatted(end.at(), reason(end)), MISSING);
        };
    }

    /**
     * What was found.
     *
     * @param indexed how many segments were not read, and {@code read} how many were
     */
    public record Found(BlockMap changed, int indexed, int read) {}

    /**
     * Which blocks are changed by the records from {@code from} on that end at {@code end} or before.
     *
     * @throws RefusedException when they can't all be read, or one changes files in a way that is not known
     */
    public Found changes(Lsn from, Lsn end, int blocksPerFile) throws IOException, RefusedException {
        BlockMap changed = new BlockMap(blocksPerFile);
        int indexed = 0;
        // At once: it is asked for again and again, and there may be a hundred thousand.
        proven.prove(size().startOf(from), size().startOf(end));
        Lsn at = from;
        while (at.isBefore(end)) {
            Lsn known = provenUpTo(at, end);
            Optional<MergedChanges> merged = known.isAfter(at) ? held.changes(at, Optional.of(known)) : Optional.empty();
            if (merged.isPresent()) {
                requireAllOf(merged.get(), known);
                note(merged.get(), changed);
                indexed += size().segments(at, known);
                at = known;
            } else {
                Lsn stop = unprovenUpTo(Lsn.max(size().endOf(at), known), end);
                read(at, stop, end, changed);
                at = stop;
            }
        }
        return new Found(changed, indexed, size().segments(from, end) - indexed);
    }

    /**
     * How far what is known of the changes from {@code at} on is of the target's bytes: to the end, where a record ends; or else to the last segment that
     * is proved, which is not among those, so that each record has all of its header, and with it its checksum, in bytes that are.
     */
    private Lsn provenUpTo(Lsn at, Lsn end) throws IOException {
        Lsn last = size().startOf(at);
        Lsn next = last;
        while (size().endOf(next).isAtMost(end) && proven.isProven(next)) {
            last = next;
            next = size().endOf(next);
        }
        boolean all = next.equals(end) || next.equals(size().startOf(end)) && proven.isProvenUpTo(end);
        return all ? end : Lsn.max(at, last);
    }

    /** Where the first two segments from {@code at} on begin that are proved both; {@code end} when there are none before. */
    private Lsn unprovenUpTo(Lsn at, Lsn end) throws IOException {
        Lsn next = at;
        while (next.isBefore(end) && !provenUpTo(next, end).isAfter(next)) {
            next = size().endOf(next);
        }
        return Lsn.min(next, end);
    }

    /** Of fewer records, blocks would be left as they are that had to be fetched. */
    private static void requireAllOf(MergedChanges merged, Lsn end) throws IOException {
        if (!merged.end().equals(end)) {
            throw new IOException("the change index was asked for changes up to %s and has answered up to %s".formatted(end, merged.end()));
        }
    }

    private static void note(MergedChanges merged, BlockMap changed) throws RefusedException {
        for (MergedChanges.File file : merged.files()) {
            note(file.change(), file.at(), changed);
        }
        merged.blocks().forEach(run -> changed.add(run.relation(), run.first(), run.count()));
    }

    /** Records that start from {@code from} on and before {@code stop}. Of {@code end} it is known that a record ends there. */
    private void read(Lsn from, Lsn stop, Lsn end, BlockMap changed) throws IOException, RefusedException {
        WalReader reader = WalReader.open(source, identity, from);
        while (reader.lastRecordEnd().isBefore(stop)) {
            if (!reader.next()) {
                throw unreadable("could not read WAL record at %s".formatted(Lsn.max(from, reader.lastRecordEnd())), reader);
            }
            if (stop.isBefore(end) && reader.recordStart().isAtLeast(stop)) {
                return;
            }
            note(reader, changed);
        }
    }

    private void note(WalReader reader, BlockMap changed) throws RefusedException {
        try {
            reader.take(record);
            if (RecordBodies.mayChangeFiles(record.resourceManager(), record.info()) && RecordBodies.of(record).orElse(null) instanceof FileChange change) {
                note(change, record.start(), changed);
            }
        } catch (MalformedRecordException e) {
            throw new RefusedException("the target's WAL can't be understood: %s".formatted(e.getMessage()));
        }
        for (int i = 0; i < record.blockCount(); i++) {
            if (record.forkOf(i) == BlockReference.MAIN_FORK) {
                var _ = changed.add(record.tablespaceOf(i), record.databaseOf(i), record.relationOf(i), record.blockOf(i));
            }
        }
    }

    /** An extension's record whose references are all that it changes is known enough. */
    private static void note(FileChange change, Lsn at, BlockMap changed) throws RefusedException {
        if (change instanceof FileChange.Unknown unknown && unknown.isSpecialUpdate()) {
            throw new RefusedException("WAL record modifies a relation, but record type is not recognized: lsn: %s, rmid: %d, info: %02X"
                    .formatted(at, unknown.resourceManager(), unknown.info()));
        }
        changed.add(change);
    }

    private RefusedException unreadable(String what, WalReader reader) {
        return new RefusedException("%s: %s".formatted(what, reader.end().map(this::reason).orElse("another record begins there")), MISSING);
    }

    /** Bytes that are not there are those of a segment, by whose name an archive is searched. */
    private String reason(WalEnd end) {
        return end instanceof WalEnd.Flaw ? end.message() : "%s, of %s".formatted(end.message(), new WalFileName.Segment(SegmentId.at(identity.history().timelineAt(end.at()), end.at(), size())).fileName(size()));
    }
}
