package io.walrelay.rewind.journal;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A process that changes a real directory is killed (SIGKILL) again and again, then the change is finished or undone. */
@Timeout(60)
class KillTest {

    private static final Logger log = LoggerFactory.getLogger(KillTest.class);

    private static final int ROUNDS = 4;

    private static Scenario scenario(Path root, long seed) {
        return new Scenario(root, seed, 20, 60_000);
    }

    /** The process that is killed: says each thing before it does it, until nobody listens. */
    static final class Victim {

        private Victim() {}

        /** @param args where, and the seed */
        public static void main(String[] args) throws IOException {
            Scenario scenario = scenario(Path.of(args[0]), Long.parseLong(args[1]));
            Optional<DirectoryChange> unfinished = DirectoryChange.resume(scenario.directory(), Optional.empty());
            try (DirectoryChange change = unfinished.isPresent()
                    ? unfinished.get()
                    : DirectoryChange.begin(scenario.directory(), Optional.empty(), new byte[0], Space.LITTLE)) {
                scenario.apply(change, step -> System.out.println(step.path()));
                System.out.println("commit");
                change.commit(scenario.configuration());
            }
        }
    }

    @Test
    void atRandomPoints(@TempDir Path temporary) throws Exception {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("-Dwalrelay.seed={}", seed);
        Random random = new Random(seed);
        PosixDisk disk = new PosixDisk();
        for (int round = 0; round < ROUNDS; round++) {
            Path root = Files.createDirectory(temporary.toRealPath().resolve("round" + round));
            Scenario scenario = scenario(root, seed + round);
            scenario.build(disk);
            Map<Path, String> before = scenario.snapshot(disk, true);
            for (int kills = 1 + random.nextInt(2); kills > 0; kills--) {
                killAfter(1 + random.nextInt(90), root, seed + round);
            }

            boolean forward = random.nextBoolean();
            Optional<DirectoryChange> unfinished = DirectoryChange.resume(scenario.directory(), Optional.empty());
            if (unfinished.isPresent()) {
                finish(unfinished.get(), scenario, forward);
            }
            String which = "seed %d, round %d".formatted(seed, round);
            if (unfinished.isPresent() && !forward) {
                Scenario.requireSame(before, scenario.snapshot(disk, true), which);
            } else {
                Scenario plain = scenario(Files.createDirectory(temporary.toRealPath().resolve("plain" + round)), seed + round);
                plain.build(disk);
                plain.applyPlainly(disk);
                Scenario.requireSame(plain.snapshot(disk, false), scenario.snapshot(disk, false), which);
            }
        }
    }

    private static void finish(DirectoryChange unfinished, Scenario scenario, boolean forward) throws IOException {
        try (unfinished) {
            if (forward) {
                scenario.apply(unfinished, _ -> {});
                unfinished.commit(scenario.configuration());
            } else {
                unfinished.undo();
            }
        }
    }

    /** After it has said so many things; it is on the way to the next then. One that ends before is not killed. */
    private static void killAfter(int lines, Path root, long seed) throws Exception {
        Process victim = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Victim.class.getName(),
                        root.toString(),
                        Long.toString(seed))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader said = victim.inputReader(StandardCharsets.UTF_8)) {
            String line = said.readLine();
            assertNotNull(line, "it never began");
            for (int i = 1; i < lines && line != null; i++) {
                line = said.readLine();
            }
        } finally {
            victim.destroyForcibly().waitFor();
        }
    }
}
