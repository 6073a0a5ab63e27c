package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

class TargetWalTest {

    private static final int XLOG = 0;
    private static final int XACT = 1;
    private static final int STORAGE = 2;
    private static final int DATABASE = 4;
    private static final int HEAP = 10;
    private static final int SHUTDOWN = 0x00;
    private static final int ONLINE = 0x10;

    private final WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), Lsn.parse("0/1000000"), 3);

    /** Without an index. */
    private TargetWal read(WalSource source, WalSource local) {
        SegmentSize size = wal.identity().segmentSize();
        ProvenSegments none = new ProvenSegments(HeldChanges.NONE, new PgWal(null, wal.history(), size, WalElsewhere.NOWHERE), () -> true, size);
        return new TargetWal(source, local, wal.identity(), HeldChanges.NONE, none);
    }

    private TargetWal target() {
        return read(wal.source(), wal.source());
    }

    private Lsn checkpoint(int info, Lsn redo) {
        ByteBuffer body = ByteBuffer.allocate(90).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 255).put((byte) 88).putLong(redo.value()).putInt(1).putInt(1);
        wal.record(XLOG, info, body.array());
        return wal.recordStarts().getLast();
    }

    /** A record that refers to one block. */
    private void change(int fork, int relation, int block) {
        ByteBuffer body = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 0).put((byte) fork).putShort((short) 0).putInt(1663).putInt(5).putInt(relation).putInt(block);
        wal.record(HEAP, 0, body.array());
    }

    /** The fork is not at the beginning of a segment, and the checkpoint lies two segments before it. */
    @Test
    void theLastCheckpointBeforeTheForkIsFoundSegmentsBack() throws IOException, RefusedException {
        wal.randomRecords(100, 500);
        checkpoint(ONLINE, wal.end());
        wal.randomRecords(10, 500);
        Lsn redo = wal.end();
        wal.randomRecords(10, 500);
        Lsn last = checkpoint(ONLINE, redo);
        wal.record(1_500_000).randomRecords(50, 500);
        Lsn fork = wal.end();
        checkpoint(SHUTDOWN, fork);

        assertEquals(new ReplayStart(redo, last, new TimelineId(1), ReplayStart.Reason.COMMON), target().lastCheckpointBefore(fork));
    }

    @Test
    void withoutWalThereIsAReasonAndAHint() {
        wal.randomRecords(100, 500);
        RefusedException refused = assertThrows(RefusedException.class, () -> target().lastCheckpointBefore(wal.end()));
        assertTrue(String.valueOf(refused.getMessage()).startsWith("could not find previous WAL record at 0/F00000: no more bytes at 0/F00000, of 00000001000000000000000F"), refused.getMessage());
        assertTrue(refused.hint().orElse("").contains("--restore-target-wal"));
    }

    @Test
    void changedBlocksOfMainForksAreCollectedFromTheStartToTheEnd() throws IOException, RefusedException {
        change(0, 16384, 1);
        Lsn from = wal.end();
        change(0, 16384, 7);
        change(0, 16384, 8);
        change(0, 16384, 7);
        change(1, 16384, 3);
        change(2, 16384, 4);
        change(0, 16385, 100 + 2);
        Lsn end = wal.end();
        change(0, 16384, 9);

        BlockMap changed = target().changes(from, end, 100).changed();

        assertEquals(BitSet.valueOf(new long[] {1 << 7 | 1 << 8}), changed.of(new RelationPath(new RelationFile(1663, 5, 16384), 0)));
        assertEquals(BitSet.valueOf(new long[] {1 << 2}), changed.of(new RelationPath(new RelationFile(1663, 5, 16385), 1)));
        assertEquals(3, changed.size());
    }

    @Test
    void aChangeOfFilesThatIsNotKnownIsRefused() {
        Lsn from = wal.end();
        wal.record(HEAP, 0x01, new byte[0]);
        RefusedException refused = assertThrows(RefusedException.class, () -> target().changes(from, wal.end(), 100));
        assertTrue(String.valueOf(refused.getMessage()).contains("record type is not recognized: lsn: 0/1000028, rmid: 10, info: 01"), refused.getMessage());
    }

    /** dbcommands_xlog.h, xl_dbase_create_file_copy_rec; storage_xlog.h, xl_smgr_create. */
    @Test
    void filesThatAreMadeAnewAreNoted() throws IOException, RefusedException {
        Lsn from = wal.end();
        ByteBuffer copy = ByteBuffer.allocate(18).order(ByteOrder.LITTLE_ENDIAN).put((byte) 255).put((byte) 16).putInt(5).putInt(1663).putInt(5).putInt(16500);
        wal.record(DATABASE, 0x01, copy.array());
        ByteBuffer create = ByteBuffer.allocate(18).order(ByteOrder.LITTLE_ENDIAN).put((byte) 255).put((byte) 16).putInt(1663).putInt(7).putInt(16384).putInt(0);
        wal.record(STORAGE, 0x11, create.array());

        BlockMap changed = target().changes(from, wal.end(), 100).changed();

        assertTrue(changed.isNew(new RelationPath(new RelationFile(1663, 5, 99), 3)));
        assertTrue(changed.isNew(new RelationPath(new RelationFile(1663, 7, 16384), 0)));
        assertFalse(changed.isNew(new RelationPath(new RelationFile(16500, 5, 99), 0)));
    }

    @Test
    void aCommitThatDropsRelationsIsKnown() throws IOException, RefusedException {
        Lsn from = wal.end();
        ByteBuffer commit = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).put((byte) 255).put((byte) 8).putLong(1_000);
        wal.record(XACT, 0x01, commit.array());
        assertEquals(0, target().changes(from, wal.end(), 100).changed().size());
    }

    @Test
    void anEndThatCantBeReadIsRefused() {
        change(0, 16384, 1);
        RefusedException refused = assertThrows(RefusedException.class, () -> target().changes(wal.start(), wal.end().plus(100), 100));
        assertTrue(String.valueOf(refused.getMessage()).startsWith("could not read WAL record at " + wal.end()), refused.getMessage());
    }

    /** By its state: its last checkpoint's record, its minRecoveryPoint or what it received, or the last record that is valid. */
    @Test
    void howFarTheFilesMayReachDependsOnHowTheServerEnded() throws IOException, RefusedException {
        wal.randomRecords(20, 500);
        Lsn redo = wal.end();
        Lsn record = checkpoint(SHUTDOWN, redo);
        Lsn afterCheckpoint = wal.end();
        wal.randomRecords(20, 500);
        ControlFileCraft control = ControlFileCraft.of15().checkpoint(record.value(), redo.value(), 1);

        assertEquals(afterCheckpoint, target().end(control.state(1).read()));
        assertEquals(wal.end(), target().end(control.state(6).read()));
        assertEquals(wal.end(), target().end(control.state(4).read()));
        // A standby has replayed more than what is left of its WAL; or has received more than it has replayed.
        assertEquals(Lsn.parse("0/1014000"), target().end(control.state(2).minRecoveryPoint(0x1014000, 1).read()));
        assertEquals(wal.end(), target().end(control.state(2).minRecoveryPoint(redo.value(), 1).read()));
        // As another tool may have left it: behind a page's header.
        assertEquals(Lsn.parse("0/1014000"), target().end(control.state(5).minRecoveryPoint(0x1014018, 1).read()));
    }

    /** The archive goes on, with what others wrote; and what is before its minRecoveryPoint's segment may be in the archive only. */
    @Test
    void aStandbyEndsWhereItsOwnWalEnds() throws IOException, RefusedException {
        wal.randomRecords(12_000, 2_000);
        Lsn redo = wal.recordStarts().getFirst();
        WalSource whole = wal.source();
        Lsn inSecond = wal.lastRecordEndAt(Lsn.parse("0/1110000"));
        Lsn received = wal.lastRecordEndAt(Lsn.parse("0/1150000"));
        WalSource local = (at, into) -> {
            if (segmentOf(at) < 17 || at.isAtLeast(received)) {
                return 0;
            }
            int limit = into.limit();
            into.limit((int) Math.min(limit, into.position() + received.minus(at)));
            int read = whole.read(at, into);
            into.limit(limit);
            return read;
        };

        TargetWal standby = read(whole, local);

        ControlFileCraft control = ControlFileCraft.of15().state(2).checkpoint(redo.value(), redo.value(), 1);
        assertEquals(received, standby.end(control.minRecoveryPoint(inSecond.value(), 1).read()));
    }

    /** <pre>| segment 16 | missing | segment 18 |</pre> */
    @Test
    void aMissingSegmentIsNotTheEndOfWal() throws RefusedException {
        Lsn redo = wal.end();
        wal.randomRecords(20_000, 500);
        byte[] bytes = wal.bytes();
        WalSource whole = WalCraft.source(wal.start(), bytes);
        WalSource holes = (at, into) -> segmentOf(at) == 17 ? 0 : withinSegment(whole, at, into);
        TargetWal holed = read(holes, holes);
        RefusedException refused = assertThrows(
                RefusedException.class, () -> holed.end(ControlFileCraft.of15().state(6).checkpoint(redo.value(), redo.value(), 1).read()));
        assertTrue(String.valueOf(refused.getMessage()).contains("missing"), refused.getMessage());
    }

    private static long segmentOf(Lsn at) {
        return at.value() >> 20;
    }

    /** As a file: no further than its end. */
    private static int withinSegment(WalSource source, Lsn at, ByteBuffer into) throws IOException {
        int limit = into.limit();
        into.limit((int) Math.min(limit, into.position() + ((segmentOf(at) + 1 << 20) - at.value())));
        int read = source.read(at, into);
        into.limit(limit);
        return read;
    }
}
