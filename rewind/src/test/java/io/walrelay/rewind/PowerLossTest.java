package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.BackupLabel;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.FragileMachine;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.journal.Space;
import io.walrelay.rewind.source.DirectorySource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A whole rewind, and the power fails anywhere in it, on a disk that keeps what was synced and any part of the rest.
 *
 * <pre>
 *   target ── look ─ begin ─ copy ─ label, control file ─ sync ─ commit ── rewound
 *                 ╳ anywhere ──▶ --undo ──▶ as it was, byte for byte
 *                           └──▶ the next run (╳ anywhere ──▶ the next run) ──▶ rewound
 * </pre>
 */
class PowerLossTest {

    private static final Logger log = LoggerFactory.getLogger(PowerLossTest.class);

    private static final int POINTS = 30;

    @TempDir
    private Path temporary;

    private Path root = Path.of("");
    private Path target = Path.of("");
    private Path source = Path.of("");
    private Path pristine = Path.of("");
    private final long seed = Long.getLong("walrelay.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @BeforeEach
    void makeClusters() throws IOException {
        log.info("-Dwalrelay.seed={}", seed);
        Path real = temporary.toRealPath();
        root = Files.createDirectory(real.resolve("machine"));
        target = root.resolve("target");
        pristine = real.resolve("pristine");
        source = real.resolve("source");
        new StoppedClusters(seed).write(pristine, source);
    }

    @Test
    void atAnyPointTheDirectoryIsPutBackOrRewoundByTheNextRun() throws IOException, RefusedException {
        FragileMachine quiet = reset();
        Map<String, String> before = tree();
        rewind(quiet);
        Map<String, String> rewound = tree();
        assertNotEquals(before, rewound);
long operations = quiet.operations() - reset().operations();
        for (int i = 0; i < POINTS; i++) {
            // The last ones, among them those of the commit, each time.
            long point = i < POINTS / 4 ? operations - i : 1 + random.nextLong(operations);
            String which = "seed %d, power failure before operation %d of %d".formatted(seed, point, operations);
            FragileMachine machine = reset();
            failDuringRewind(machine, point, which);
            if (random.nextBoolean()) {
                putBack(machine, before, rewound, which);
            } else {
                runAgain(machine, rewound, which);
            }
        }
    }

    private FragileMachine reset() throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                if (!file.equals(root)) {
                    Files.delete(file);
                }
            }
        }
        try (Stream<Path> files = Files.walk(pristine)) {
            for (Path file : files.toList()) {
                Files.copy(file, target.resolve(pristine.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
        return new FragileMachine(root);
    }

    private void failDuringRewind(FragileMachine machine, long point, String which) throws IOException, RefusedException {
        machine.failBefore(point);
        try {
            rewind(machine);
        } catch (IOException e) {
            if (!FragileMachine.isPowerFailure(e)) {
                throw new IOException(which, e);
            }
        }
        machine.restart(random.nextLong());
    }

    private void putBack(FragileMachine machine, Map<String, String> before, Map<String, String> rewound, String which) throws IOException {
        boolean unfinished = machine.leftover(target) == Leftover.UNFINISHED;
        boolean undone = Rewind.undo(changes(machine));
        machine.restart(random.nextLong());
        Map<String, String> found = tree();
        if (undone || unfinished) {
            assertEquals(before, found, which);
        } else {
            assertTrue(found.equals(before) || found.equals(rewound), which);
        }
    }

    private void runAgain(FragileMachine machine, Map<String, String> rewound, String which) throws IOException, RefusedException {
        if (random.nextBoolean()) {
            failDuringRewind(machine, 1 + random.nextInt(200), which + ", and again");
        }
        rewind(machine);
        machine.restart(random.nextLong());
        assertEquals(rewound, tree(), which);
        assertEquals(Leftover.NONE, machine.leftover(target), which);
    }

    private void rewind(FragileMachine machine) throws IOException, RefusedException {
        RewindRequest request =
                new RewindRequest(target, true, false, Optional.empty(), false, Optional.empty(), Optional.empty(), false, Optional.empty(), Map.of());
        try (DirectorySource from = new DirectorySource(source)) {
            var _ = new Rewind(request, from, Silent.LISTENER, changes(machine)).run();
        }
    }

    private Changes changes(FragileMachine machine) {
        return new Changes() {
            @Override
            public Leftover leftover() throws IOException {
                return machine.leftover(target);
            }

            @Override
            public DirectoryChange begin(byte[] plan, Space space) throws IOException {
                return machine.begin(target, plan, space);
            }

            @Override
            public Optional<DirectoryChange> resume() throws IOException {
                return machine.resume(target);
            }
        };
    }

    /** What servers find: each name with its kind, mode and content. When the label was written, and a dead process's lock, count for nothing. */
    private Map<String, String> tree() throws IOException {
        Map<String, String> tree = new TreeMap<>();
        try (Stream<Path> files = Files.walk(target)) {
            for (Path file : files.toList()) {
                String name = target.relativize(file).toString();
                if (!name.startsWith("postmaster.pid")) {
                    String mode = Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS).toString();
                    tree.put(name, Files.isRegularFile(file) ? mode + content(name, Files.readAllBytes(file)) : mode);
                }
            }
        }
        return tree;
    }

    private static String content(String name, byte[] bytes) {
        return name.equals(BackupLabel.PATH)
                ? new String(bytes, StandardCharsets.UTF_8).replaceFirst("START TIME: .*\n", "")
                : bytes.length + " bytes, " + Arrays.hashCode(bytes);
    }
}
