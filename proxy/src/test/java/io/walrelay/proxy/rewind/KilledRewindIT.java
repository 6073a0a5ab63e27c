package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.LIMIT;
import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.rewind;
import static io.walrelay.proxy.rewind.TwoServers.startAfterRewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.FaultProxy;
import io.walrelay.proxy.testkit.FaultProxy.Cut;
import io.walrelay.proxy.testkit.FaultProxy.Direction;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The source sends slowly, so that a rewind is killed, or loses its connections, in the middle of copying. */
class KilledRewindIT {

    private static final Logger log = LoggerFactory.getLogger(KilledRewindIT.class);

    private static final long SLOW = 6 << 20;

    @TempDir
    private Path directory;

    private final Random random = new Random(seed());

    private static long seed() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("-Dwalrelay.seed={}", seed);
        return seed;
    }

    @Test
    void aKilledRewindIsUndoneByteForByteOrFinishedByTheNext() throws IOException {
        try (TwoServers servers = TwoServers.of(Servers.version(15));
                FaultProxy line = FaultProxy.to(servers.standby.port())) {
            String conninfo = "host=127.0.0.1 port=%d user=postgres dbname=postgres".formatted(line.port());
            promote(servers.standby);
            diverge(servers.standby, "new");
            diverge(servers.old, "old");
            stop(servers.old);
            Path data = servers.old.dataDirectory();
            Map<String, String> before = tree(data);

            String journal = elsewhere(data).toString();
            kill(line, data, conninfo, "--journal", journal);
            Programs.Result pasted = rewind(servers.old, "--journal", journal);
            assertEquals(1, pasted.status(), pasted.output());
            assertTrue(pasted.output().contains("walrelay rewind -D %s --journal %s --undo".formatted(data, journal)), pasted.output());
            Programs.Result unnamed = rewind(servers.old, "--undo");
            assertEquals(1, unnamed.status(), unnamed.output());
            assertTrue(unnamed.output().contains("name its place with --journal"), unnamed.output());
            Programs.Result undone = rewind(servers.old, "--undo", "--journal", journal);

            assertEquals(0, undone.status(), undone.output());
            assertTrue(undone.output().contains("put back as it was before the rewind"), undone.output());
            assertEquals(before, tree(data));
            assertTrue(rewind(servers.old, "--undo").output().contains("nothing to put back"));

            kill(line, data, conninfo);
            Programs.Result dry = rewind(servers.old, "--source-server", conninfo, "--dry-run");
            assertEquals(1, dry.status(), dry.output());
            assertTrue(dry.output().contains("was not finished"), dry.output());
            loseConnections(line, data, conninfo);

            startAfterRewind(servers.old);
            servers.awaitFollowing(servers.standby, servers.old);
            assertEquals(content(servers.standby), content(servers.old));
        }
    }

    /** A place for the journal that the server's user may write to. */
    private Path elsewhere(Path data) throws IOException {
        Path place = Files.createDirectory(directory.resolve("journals"));
        Files.setOwner(place, Files.getOwner(data));
        return place.toRealPath();
    }

    private void kill(FaultProxy line, Path data, String conninfo, String... more) {
        try (ExternalProcess rewinding = startSlow(line, data, conninfo, more)) {
            awaitMore(random.nextInt(4 << 20), line, rewinding);
            rewinding.kill();
        }
        assertTrue(isUnfinished(data), "killed too late: the rewind was done");
        String command = String.join(" ", "walrelay rewind -D", data.toString(), String.join(" ", more)).strip();
        HalfChangedDirectoryIT.requireRefusal("/UNFINISHED REWIND, run: %s\"".formatted(command), Servers.version(15), "-D", data.toString());
    }

    private static void loseConnections(FaultProxy line, Path data, String conninfo) {
        try (ExternalProcess rewinding = startSlow(line, data, conninfo)) {
            for (int i = 0; i < 2; i++) {
                line.cut(Cut.RST);
                awaitMore(1 << 20, line, rewinding);
            }
            line.throttle(Direction.TO_CLIENT, Long.MAX_VALUE);
            assertEquals(0, rewinding.awaitExit(LIMIT), rewinding.output());
            assertTrue(rewinding.output().contains("an earlier rewind was not finished; what it had changed was put back"), rewinding.output());
        }
    }

    /** @param bytes more than have come when this is called */
    private static void awaitMore(int bytes, FaultProxy line, ExternalProcess rewinding) {
        long carried = line.carried(Direction.TO_CLIENT) + bytes;
        Await.until("some more bytes", LIMIT, () -> line.carried(Direction.TO_CLIENT) >= carried || !rewinding.isRunning());
        assertTrue(rewinding.isRunning(), rewinding::output);
    }

    /** A rewind that has begun to change the directory. */
    private static ExternalProcess startSlow(FaultProxy line, Path data, String conninfo, String... more) {
        line.throttle(Direction.TO_CLIENT, SLOW);
        List<String> arguments = new ArrayList<>(List.of("rewind", "-D", data.toString(), "--source-server", conninfo, "-R", "--jobs", "3"));
        arguments.addAll(List.of(more));
        ExternalProcess rewinding = WalrelayCommand.startUnprivileged(arguments.toArray(String[]::new));
        // An earlier one's sentinel is gone when this says so.
        rewinding.awaitOutput("need to copy", LIMIT);
        Await.until("the directory to be half changed", LIMIT, () -> isUnfinished(data));
        return rewinding;
    }

    private static boolean isUnfinished(Path data) {
        try {
            return Files.readString(data.resolve("postgresql.auto.conf")).contains("UNFINISHED REWIND");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Each file with what it is: a digest of its content, where it leads to, its permissions. */
    private static Map<String, String> tree(Path root) throws IOException {
        Map<String, String> tree = new TreeMap<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.toList()) {
                String mode = Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS).toString();
                tree.put(root.relativize(file).toString(), Files.isRegularFile(file) ? mode + " " + digest(file) : mode);
            }
        }
        return tree;
    }

    private static String digest(Path file) throws IOException {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
