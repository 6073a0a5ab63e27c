package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.RefusedException;
import org.junit.jupiter.api.Test;

class PreconditionsTest {

    private static final int SYSTEM = 0;
    private static final int CATALOG_VERSION = 12;
    private static final int WAL_LOG_HINTS = 176;
    private static final int SEGMENT_SIZE = 228;
    private static final int CHECKSUMS = 252;

    private static final int SHUT_DOWN_IN_RECOVERY = 2;
    private static final int IN_PRODUCTION = 6;

    private static void check(ControlFileCraft target, ControlFileCraft source) throws RefusedException {
        Preconditions.check(new Preconditions.Version(target.read(), 15), new Preconditions.Version(source.read(), 15), true, true);
    }

    private static RefusedException refused(ControlFileCraft target, ControlFileCraft source) {
        return assertThrows(RefusedException.class, () -> check(target, source));
    }

    @Test
    void serversOfTwoSystemsHaveNothingInCommon() {
        RefusedException refused = refused(ControlFileCraft.of15(), ControlFileCraft.of15().putInt(SYSTEM, 4711));
        assertEquals("source and target clusters are from different systems", refused.getMessage());
        assertTrue(refused.hint().orElseThrow().startsWith("The target's system identifier is 7000000000000000001, the source's "), refused.hint()::toString);
    }

    /** Of one version, one of a beta may have other catalogs. */
    @Test
    void filesAreOfOneVersion() {
        String begin = "source and target clusters are of different versions: the target of PostgreSQL 15, catalog version 202209061, control file version 1300,"
                + " the source of PostgreSQL ";
        assertEquals(
                begin + "15, catalog version 202209060, control file version 1300",
                refused(ControlFileCraft.of15(), ControlFileCraft.of15().putInt(CATALOG_VERSION, 202209060)).getMessage());
        assertEquals(begin + "15, catalog version 202506291, control file version 1800", refused(ControlFileCraft.of15(), ControlFileCraft.of18()).getMessage());
        RefusedException other = assertThrows(RefusedException.class, () -> Preconditions.check(
                new Preconditions.Version(ControlFileCraft.of15().read(), 15), new Preconditions.Version(ControlFileCraft.of15().read(), 16), true, true));
        assertEquals(begin + "16, catalog version 202209061, control file version 1300", other.getMessage());
    }

    @Test
    void segmentsOfWalAreOfOneSize() {
        RefusedException refused = refused(ControlFileCraft.of15(), ControlFileCraft.of15().putInt(SEGMENT_SIZE, 1 << 20));
        assertEquals("source and target clusters have WAL segments of different sizes: 1MB and 16MB", refused.getMessage());
    }

    @Test
    void theTargetsWalNamesBlocksThatOnlyHintsChanged() throws RefusedException {
        RefusedException refused = refused(ControlFileCraft.of15().putInt(CHECKSUMS, 0), ControlFileCraft.of15().putInt(CHECKSUMS, 0));
        assertEquals("target server needs to use either data checksums or \"wal_log_hints = on\"", refused.getMessage());
        assertTrue(refused.hint().orElseThrow().contains("take a new base backup"), refused.hint()::toString);
        check(withHintsInTheWal(0), ControlFileCraft.of15().putInt(CHECKSUMS, 0));
    }

    /** A crashed target is rewound unless that is not wanted; a directory that is a source has to be whole. */
    @Test
    void whoMustHaveBeenStoppedCleanly() throws RefusedException {
        Preconditions.Version stopped = new Preconditions.Version(ControlFileCraft.of15().read(), 15);
        Preconditions.Version stoppedStandby = new Preconditions.Version(ControlFileCraft.of15().state(SHUT_DOWN_IN_RECOVERY).read(), 15);
        Preconditions.Version crashed = new Preconditions.Version(ControlFileCraft.of15().state(IN_PRODUCTION).read(), 15);
        Preconditions.check(crashed, stopped, false, true);
        Preconditions.check(stoppedStandby, crashed, true, false);
        Preconditions.check(stopped, stoppedStandby, false, false);

        RefusedException target = assertThrows(RefusedException.class, () -> Preconditions.check(crashed, stopped, false, false));
        assertEquals("target server must be shut down cleanly", target.getMessage());
        assertTrue(target.hint().orElseThrow().startsWith("It is in production. Without --no-ensure-shutdown"), target.hint()::toString);
        RefusedException source = assertThrows(RefusedException.class, () -> Preconditions.check(stopped, crashed, false, true));
        assertEquals("source data directory must be shut down cleanly", source.getMessage());
    }

    private static ControlFileCraft withHintsInTheWal(int checksums) {
        return ControlFileCraft.of15().putInt(CHECKSUMS, checksums).putInt(WAL_LOG_HINTS, 1);
    }

    /** The target keeps most of its own pages under the source's control file: a server would take them for damaged. */
    @Test
    void pagesWithAndWithoutChecksumsDoNotMix() {
        assertDoesNotThrow(() -> check(withHintsInTheWal(0), withHintsInTheWal(0)));
        assertDoesNotThrow(() -> check(ControlFileCraft.of15(), ControlFileCraft.of15()));

        RefusedException target = assertThrows(RefusedException.class, () -> check(withHintsInTheWal(0), withHintsInTheWal(1)));
        assertEquals("data checksums are on in the source and off in the target; expected the same", target.getMessage());
        assertTrue(target.hint().orElseThrow().startsWith("Enable them on the target while it is stopped: pg_checksums --enable -D"));

        RefusedException source = assertThrows(RefusedException.class, () -> check(withHintsInTheWal(1), withHintsInTheWal(0)));
        assertTrue(source.hint().orElseThrow().startsWith("Enable them on the source"));
    }
}
