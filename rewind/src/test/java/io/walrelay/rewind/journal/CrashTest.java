package io.walrelay.rewind.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.journal.FragileDisk.CrashedException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The machine loses its power anywhere, on a disk that keeps what was synced and any part of the rest.
 *
 * <pre>
 *   old ── begin ─ announce ─ change ─ … ─ commit ── new
 *             ╳ anywhere ──▶ undo (╳ anywhere ──▶ undo) ──▶ old, byte for byte
 *                       └──▶ all of the change again ────▶ new
 * </pre>
 */
class CrashTest {

    private static final Logger log = LoggerFactory.getLogger(CrashTest.class);

    private static final byte[] PLAN = "the plan".getBytes(StandardCharsets.UTF_8);

    private Scenario scenario = new Scenario(0, 1, 1);
    private Map<Path, String> before = Map.of();
    private Map<Path, String> beforeWithTimes = Map.of();
    private Map<Path, String> wanted = Map.of();

    private void prepare(Scenario chosen) throws IOException {
        scenario = chosen;
        before = scenario.snapshot(scenario.disk(), false);
        beforeWithTimes = scenario.snapshot(scenario.disk(), true);
        FragileDisk plain = scenario.disk();
        scenario.applyPlainly(plain);
        wanted = scenario.snapshot(plain, false);
    }

    @Test
    void atEveryPointOfASmallChange() throws Exception {
        prepare(new Scenario(1, 3, 20_000));
        long operations = operationsOfAll();
        for (long point = 1; point <= operations; point++) {
            crash(1, point);
        }
    }

    @Test
    void atAnyPointOfAnyChange() throws Exception {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("-Dwalrelay.seed={}", seed);
        Random random = new Random(seed);
        for (int i = 0; i < 8; i++) {
            prepare(new Scenario(random.nextLong(), 3 + random.nextInt(8), 1 + random.nextInt(200_000)));
            long operations = operationsOfAll();
            for (int j = 0; j < 12; j++) {
                crash(random.nextLong(), 1 + random.nextLong(operations));
            }
        }
    }

    private long operationsOfAll() throws IOException {
        FragileDisk disk = scenario.disk();
        changeAll(disk);
        Scenario.requireSame(wanted, scenario.snapshot(disk, false), "no crash");
        Scenario.requireSame(wanted, scenario.snapshot(disk.crash(1), false), "a crash at the end");
        return disk.operations() - scenario.disk().operations();
    }

    private void changeAll(FragileDisk disk) throws IOException {
        try (DirectoryChange change = DirectoryChange.begin(disk, Scenario.NO_PROCESSES, Home.beside(Scenario.DIRECTORY), PLAN, Space.LITTLE)) {
            scenario.apply(change);
            change.commit(scenario.configuration());
        }
    }

    private void crash(long seed, long point) throws IOException {
        String which = "seed %d, point %d".formatted(seed, point);
        FragileDisk disk = scenario.disk();
        disk.crashBeforeOperation(point);
        assertThrows(CrashedException.class, () -> changeAll(disk), which);
        requireHarmless(which, disk.crash(seed + point));
        undo(which, disk.crash(seed + point), seed + point);
        redo(which, disk.crash(seed + point), seed + point);
    }

    /** A server that starts now finds the old directory or the new one. */
    private void requireHarmless(String which, FragileDisk disk) throws IOException {
        if (!new Configuration(disk, Scenario.DIRECTORY).isSentinel()) {
            Map<Path, String> found = scenario.snapshot(disk, false);
            found.keySet().removeIf(path -> path.toString().contains(Home.SUFFIX) || path.endsWith(Configuration.TEMPORARY));
            requireOldOrNew(which, found);
        }
    }

    private void requireOldOrNew(String which, Map<Path, String> found) {
        if (!found.equals(before)) {
            Scenario.requireSame(wanted, found, which);
        }
    }

    /** Undone, after more crashes meanwhile. */
    private void undo(String which, FragileDisk crashed, long seed) throws IOException {
        FragileDisk disk = crashed;
        Random random = new Random(seed);
        for (int crashes = random.nextInt(3); crashes > 0; crashes--) {
            disk.crashBeforeOperation(1 + random.nextInt(100));
            try {
                undo(disk);
            } catch (CrashedException expected) {
                assertTrue(disk.operations() > 0);
            }
            disk = disk.crash(random.nextLong());
            requireHarmless(which, disk);
        }
        boolean unfinished = Remains.of(disk, Home.beside(Scenario.DIRECTORY)).leftover() == Leftover.UNFINISHED;
        undo(disk);
        if (unfinished) {
            Scenario.requireSame(beforeWithTimes, scenario.snapshot(disk, true), which);
            Scenario.requireSame(beforeWithTimes, scenario.snapshot(disk.crash(seed), true), which);
        } else {
            requireOldOrNew(which, scenario.snapshot(disk, false));
        }
    }

    private static void undo(FragileDisk disk) throws IOException {
        Optional<DirectoryChange> found = DirectoryChange.resume(disk, Scenario.NO_PROCESSES, Home.beside(Scenario.DIRECTORY));
        if (found.isPresent()) {
            try (DirectoryChange change = found.get()) {
                assertArrayEquals(PLAN, change.plan());
                change.undo();
            }
        }
    }

    /** Done all over again, half of the times after a crash during that. */
    private void redo(String which, FragileDisk crashed, long seed) throws IOException {
        FragileDisk disk = crashed;
        Random random = new Random(seed);
        if (random.nextBoolean()) {
            disk.crashBeforeOperation(1 + random.nextInt(300));
            try {
                redo(disk);
            } catch (CrashedException expected) {
                assertTrue(disk.operations() > 0);
            }
            disk = disk.crash(random.nextLong());
            requireHarmless(which, disk);
        }
        if (redo(disk)) {
            Scenario.requireSame(wanted, scenario.snapshot(disk, false), which);
            Scenario.requireSame(wanted, scenario.snapshot(disk.crash(seed), false), which);
        } else {
            requireOldOrNew(which, scenario.snapshot(disk, false));
        }
    }

    private boolean redo(FragileDisk disk) throws IOException {
        Optional<DirectoryChange> found = DirectoryChange.resume(disk, Scenario.NO_PROCESSES, Home.beside(Scenario.DIRECTORY));
        if (found.isEmpty()) {
            return false;
        }
        try (DirectoryChange change = found.get()) {
            scenario.apply(change);
            change.commit(scenario.configuration());
        }
        return true;
    }
}
