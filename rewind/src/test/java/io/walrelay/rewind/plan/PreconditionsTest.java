package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.RefusedException;
import org.junit.jupiter.api.Test;

class PreconditionsTest {

    private static final int WAL_LOG_HINTS = 176;
    private static final int CHECKSUMS = 252;

    private static void check(ControlFileCraft target, ControlFileCraft source) throws RefusedException {
        Preconditions.check(new Preconditions.Version(target.read(), 15), new Preconditions.Version(source.read(), 15), true, true);
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
