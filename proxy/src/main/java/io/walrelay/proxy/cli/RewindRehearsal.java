package io.walrelay.proxy.cli;

import io.walrelay.proxy.client.Relays;
import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.http.Json;
import io.walrelay.rewind.Rewind;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Space;
import io.walrelay.rewind.journal.Touch;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;

/**
 * Loads what a rewind loads, without a server but those of its {@link RehearsalStage}: the launcher runs it once for the cache of classes with which
 * {@code walrelay rewind} starts quickly. What it misses is loaded later, as without a cache.
 */
final class RewindRehearsal {

    /** What the launcher calls it by; no command of anybody's. */
    static final String NAME = "rehearse-rewind";

    private static final List<String> NEEDED = List.of(
            "io/walrelay/rewind/", "io/walrelay/wal/", "io/walrelay/proxy/cli/Re", "io/walrelay/proxy/client/", "io/walrelay/proxy/conninfo/",
            "org/postgresql/core/", "org/postgresql/jdbc/");

    private RewindRehearsal() {}

    static int run() {
        try {
            rehearse();
            return Main.OK;
        } catch (IOException | URISyntaxException | SQLException e) {
            System.err.println("walrelay: " + e);
            return Main.FAILURE;
        }
    }

    private static void rehearse() throws IOException, URISyntaxException, SQLException {
        Path directory = Files.createTempDirectory("walrelay-rehearsal-");
        try {
            changeOf(Files.createDirectory(directory.resolve("data")));
            playWithOthers(directory);
        } finally {
            FileTrees.delete(directory);
        }
        print();
        for (Class<?> one : List.of(Rewind.class, Lsn.class, Main.class, DriverManager.getDriver("jdbc:postgresql://127.0.0.1/postgres").getClass())) {
            loadJarOf(one);
        }
    }

    /** Where there is no keytool, or no port, the rest is played without. */
    private static void playWithOthers(Path directory) {
        try (RehearsalStage stage = new RehearsalStage()) {
            askRelay(stage.relay());
            connect(stage.postgres(directory));
        } catch (IOException e) {
            System.out.println(e.getMessage());
        }
    }

    private static void changeOf(Path data) throws IOException {
        Files.write(data.resolve("changed"), new byte[8192]);
        Files.write(data.resolve("removed"), new byte[1]);
        try (DirectoryChange change = DirectoryChange.begin(data, Optional.empty(), new byte[0], Space.LITTLE)) {
            change.announce(List.of(new Touch.Bytes("changed", 0, 8192), new Touch.Name("removed"), new Touch.Name("new")));
            change.overwrite("changed", 0, ByteBuffer.allocate(8192));
            change.remove("removed");
            try (DirectoryChange.NewFile file = change.replace("new", Files.getPosixFilePermissions(data.resolve("changed")))) {
                file.write(ByteBuffer.allocate(1));
            }
            change.commit(new byte[0]);
        }
    }

    private static void print() {
        Main.run("rewind", "--help");
        RewindSummary summary = new RewindSummary(
                "planned", "0/1", 1L, "0/1", "0/1", "0/1", null, 0, 0, 0, 0, 0, new RewindSummary.Wal(0, 0), new RewindSummary.Wal(0, 0), null,
                Map.of("check", 0L), List.of(new RewindSummary.File("PG_VERSION", "copy", 3)));
        System.out.println(Json.MAPPER.writeValueAsString(summary));
        LoggerFactory.getLogger(RewindRehearsal.class).info("a log line");
    }

    private static void connect(int port) {
        try (var source = SourceServers.open("host=127.0.0.1 port=%d user=postgres dbname=postgres passfile=/dev/null".formatted(port), Map.of(), 1)) {
            throw new IllegalStateException("nothing was refused: " + source.describe());
        } catch (IOException | RefusedException expected) {
            System.out.println(expected.getMessage());
        }
    }

    private static void askRelay(int port) {
        TimelineHistory lineage = TimelineHistory.root(new TimelineId(1));
        RelayOfRewind relay = new RelayOfRewind(
                new Relays(List.of(URI.create("http://127.0.0.1:" + port)), Optional.empty(), Optional.empty(), RelayOfRewind.SILENCE), "rehearsal");
        try {
            System.out.println(relay.changesAlong(lineage).segments(new Lsn(1), new Lsn(2)));
            System.out.println(relay.changesAlong(lineage).changes(new Lsn(1), Optional.empty()));
            relay.reserve(new SystemId(1), lineage, new Lsn(1), new Lsn(1));
        } catch (IOException | RefusedException | RuntimeException expected) {
            System.out.println(expected.getMessage());
        }
    }

    /** Where classes lie in a directory, as while it is developed, nothing is started from a cache. */
    private static void loadJarOf(Class<?> one) throws IOException, URISyntaxException {
        Path location = Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isDirectory(location)) {
            return;
        }
        try (JarFile jar = new JarFile(location.toFile());
                Stream<String> names = jar.stream().map(entry -> entry.getName())) {
            names.filter(name -> name.endsWith(".class") && NEEDED.stream().anyMatch(name::startsWith))
                    .forEach(name -> load(name.substring(0, name.length() - ".class".length()).replace('/', '.')));
        }
    }

    private static void load(String name) {
        try {
            Class.forName(name, false, RewindRehearsal.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError optional) {
            // Of a library that is not there.
        }
    }
}
