package io.walrelay.rewind.datadir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ControlFileTest {

    @Test
    void saysWhatARewindAsks() throws RefusedException {
        ControlFile file = ControlFileCraft.of15().state(5).checkpoint(0x5000100, 0x50000C8, 2).minRecoveryPoint(0x6000000, 3).read();

        assertEquals(new SystemId(7_000_000_000_000_000_001L), file.systemId());
        assertEquals(ClusterState.IN_ARCHIVE_RECOVERY, file.state());
        assertEquals(Lsn.parse("0/5000100"), file.checkpoint());
        assertEquals(Lsn.parse("0/50000C8"), file.redo());
        assertEquals(new TimelineId(2), file.checkpointTimeline());
        assertEquals(Lsn.parse("0/6000000"), file.minRecoveryPoint());
        assertEquals(Optional.of(new TimelineId(3)), file.minRecoveryPointTimeline());
        assertEquals(SegmentSize.DEFAULT, file.segmentSize());
        assertEquals(131_072, file.blocksPerFile());
        assertTrue(file.dataChecksums());
        assertFalse(file.walLogHints());
    }

    @Test
    void aPromotedServerIsOnItsNewTimelineBeforeItsFirstCheckpoint() throws RefusedException {
        assertEquals(new TimelineId(3), ControlFileCraft.of15().checkpoint(0x5000100, 0x50000C8, 2).minRecoveryPoint(0x6000000, 3).read().timeline());
        assertEquals(new TimelineId(2), ControlFileCraft.of15().checkpoint(0x5000100, 0x50000C8, 2).minRecoveryPoint(0, 0).read().timeline());
        assertEquals(new TimelineId(2), ControlFileCraft.of15().checkpoint(0x5000100, 0x50000C8, 2).minRecoveryPoint(0x4000000, 1).read().timeline());
    }

    @Test
    void aCheckpointIsTheOneThatIsCopiedButForWhatRecoveryChanges() throws RefusedException {
        ControlFile file = ControlFileCraft.of15().read();
        for (int i = 0; i < 88; i++) {
            byte[] record = Arrays.copyOfRange(file.bytes(), 40, 128);
            record[i] ^= 1;
            boolean isPadding = i > 16 && i < 24 || i >= 60 && i < 64;
            boolean changes = i >= 24 && i < 32 || i >= 72;
            assertEquals(isPadding || changes, file.isOf(ByteBuffer.wrap(record)), "byte " + i);
        }
        assertFalse(file.isOf(ByteBuffer.wrap(file.bytes(), 40, 71)));
    }

    @ParameterizedTest
    @CsvSource({"15, 288", "18, 292"})
    void onlyWhatARewindChangesIsChanged(int major, int crc) throws RefusedException {
        byte[] before = (major == 18 ? ControlFileCraft.of18() : ControlFileCraft.of15()).bytes();

        ControlFile changed = ControlFile.parse("source", before).inRecoveryUpTo(Lsn.parse("0/7000000"), new TimelineId(4));

        assertEquals(ClusterState.IN_ARCHIVE_RECOVERY, changed.state());
        assertEquals(Lsn.parse("0/7000000"), changed.minRecoveryPoint());
        assertEquals(Optional.of(new TimelineId(4)), changed.minRecoveryPointTimeline());
        byte[] after = changed.bytes();
        assertEquals(changed, ControlFile.parse("target", after));
        for (int[] field : new int[][] {{16, 20}, {136, 148}, {crc, crc + 4}}) {
            Arrays.fill(before, field[0], field[1], (byte) 0);
            Arrays.fill(after, field[0], field[1], (byte) 0);
        }
        assertArrayEquals(before, after);
    }

    @Test
    void whatIsNoneIsRefusedByName() {
        assertRefused("unexpected control file size 100 of the target, expected 8192", new byte[100]);
        byte[] damaged = ControlFileCraft.of15().bytes();
        damaged[200] ^= 1;
        assertRefused("unexpected control file CRC of the target", damaged);
        assertRefused("version 1201; expected 1300 (PostgreSQL 13 to 16), 1700 (17) or 1800 (18)", ControlFileCraft.of15().putInt(8, 1201).bytes());
        assertRefused("blocks of 32768 bytes and WAL blocks of 8192", ControlFileCraft.of15().putInt(216, 32768).bytes());
        assertRefused("blocks of 8192 bytes and WAL blocks of 16384", ControlFileCraft.of15().putInt(224, 16384).bytes());
        assertRefused("state 9; expected 0 to 6", ControlFileCraft.of15().state(9).bytes());
        assertRefused("not a WAL segment size: 5000 bytes", ControlFileCraft.of15().putInt(228, 5000).bytes());
    }

    private static void assertRefused(String why, byte[] file) {
        RefusedException refused = assertThrows(RefusedException.class, () -> ControlFile.parse("target", file));
        assertTrue(String.valueOf(refused.getMessage()).contains(why), refused.getMessage());
    }
}
