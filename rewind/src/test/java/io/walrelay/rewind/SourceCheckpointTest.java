package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SourceCheckpointTest {

    private static final int IN_ARCHIVE_RECOVERY = 5;
    private static final int IN_PRODUCTION = 6;
    private static final Lsn REDO = Lsn.parse("0/3000028");

    private static Optional<String> wanted(ControlFileCraft source, long since) throws RefusedException {
        return SourceCheckpoint.wanted(source.checkpoint(0x3000060, REDO.value(), 2).read(), REDO.plus(since));
    }

    /** Of its timeline its control file knows by the end of its recovery only. */
    @Test
    void aPrimaryThatHasMadeNoneSinceItsPromotionShould() throws RefusedException {
        assertEquals(Optional.of("it has made none since it was promoted to timeline 3"), wanted(ControlFileCraft.of15().state(IN_PRODUCTION).minRecoveryPoint(0x3001000, 3), 4096));
        assertEquals(Optional.empty(), wanted(ControlFileCraft.of15().state(IN_PRODUCTION), 4096));
    }

    @Test
    void aPrimaryWhoseLastOneIsLongAgoShould() throws RefusedException {
        assertEquals(Optional.empty(), wanted(ControlFileCraft.of18().state(IN_PRODUCTION), SourceCheckpoint.MUCH));
        assertEquals(Optional.of("its last one is 300 MB of WAL ago"), wanted(ControlFileCraft.of18().state(IN_PRODUCTION), 300 << 20));
    }

    @Test
    void aStandbyAndAStoppedServerMakeNone() throws RefusedException {
        assertEquals(Optional.empty(), wanted(ControlFileCraft.of15().state(IN_ARCHIVE_RECOVERY).minRecoveryPoint(0x13000000, 3), 300 << 20));
        assertEquals(Optional.empty(), wanted(ControlFileCraft.of15(), 300 << 20));
    }
}
