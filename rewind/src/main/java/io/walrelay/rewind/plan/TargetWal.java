package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RecordEnd;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
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

/** What the target's own WAL says (pg_rewind: parsexlog.c). Confined to one thread. */
public final class TargetWal {

    /** xlogrecord.h, XLR_SPECIAL_REL_UPDATE: files change in a way that no block reference tells. */
    private static final int SPECIAL_RELATION_UPDATE = 0x01;

    private static final String MISSING = "Where the target's older WAL is archived, --restore-target-wal finds it; where a relay holds it, --relay does.";

    private final WalSource source;
    private final WalSource local;
    private final WalIdentity identity;
    private final WalRecord record = new WalRecord();

    /**
     * @param source the WAL along the target's lineage, wherever it is
     * @param local what the target's own pg_wal has of it
     */
    public TargetWal(WalSource source, WalSource local, WalIdentity identity) {
        this.source = source;
        this.local = local;
        this.identity = identity;
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
        WalReader reader = WalReader.open(source, identity, redo);
        WalEnd end = reader.skipToEnd();
        if (!reader.lastRecordEnd().isValid()) {
            throw unreadable("could not read WAL record at %s".formatted(redo), reader);
        }
        if (!(end instanceof WalEnd.Flaw) && end.at().equals(size().startOf(end.at())) && isThere(end.at().plus(size().bytes()))) {
            throw new RefusedException("a segment of the target's WAL is missing: the one that begins at %s; the next is there".formatted(end.at()), MISSING);
        }
        return reader.lastRecordEnd();
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
        return switch (new CheckpointSearch(source, identity).lastBefore(Lsn.INVALID, fork)) {
            case CheckpointSearch.Found(var at, var checkpoint) -> new ReplayStart(checkpoint.redo(), at, checkpoint.timeline(), ReplayStart.Reason.COMMON);
            case CheckpointSearch.None() -> throw new RefusedException("there is no checkpoint before %s".formatted(fork));
            case CheckpointSearch.Broken(var end) -> throw new RefusedException("could not find previous WAL record at %s: %s".formatted(end.at(), end.message()), MISSING);
        };
    }

    /**
     * Which blocks are changed by the records from {@code from} on that end at {@code end} or before.
     *
     * @throws RefusedException when they can't all be read, or one changes files in a way that is not known
     */
    public BlockMap changes(Lsn from, Lsn end, int blocksPerFile) throws IOException, RefusedException {
        BlockMap changed = new BlockMap(blocksPerFile);
        WalReader reader = WalReader.open(source, identity, from);
        while (reader.lastRecordEnd().isBefore(end)) {
            if (!reader.next()) {
                throw unreadable("could not read WAL record at %s".formatted(Lsn.max(from, reader.lastRecordEnd())), reader);
            }
            note(reader, changed);
        }
        return changed;
    }

    private void note(WalReader reader, BlockMap changed) throws RefusedException {
        try {
            reader.take(record);
            if (RecordBodies.mayChangeFiles(record.resourceManager(), record.info()) && RecordBodies.of(record).orElse(null) instanceof FileChange change) {
                note(change, changed);
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
    private void note(FileChange change, BlockMap changed) throws RefusedException {
        if (change instanceof FileChange.Unknown(var manager, var info) && (record.info() & SPECIAL_RELATION_UPDATE) != 0) {
            throw new RefusedException("WAL record modifies a relation, but record type is not recognized: lsn: %s, rmid: %d, info: %02X"
                    .formatted(record.start(), manager, info));
        }
        changed.add(change);
    }

    private static RefusedException unreadable(String what, WalReader reader) {
        return new RefusedException("%s: %s".formatted(what, reader.end().map(WalEnd::message).orElse("another record begins there")), MISSING);
    }
}
