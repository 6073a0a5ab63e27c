package io.walrelay.proxy.cli;

import io.walrelay.proxy.client.Relays;
import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.http.Json;
import io.walrelay.rewind.Rewind;
import io.walrelay.rewind.RewindReport;
import io.walrelay.rewind.RewindRequest;
import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.source.DirectorySource;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.slf4j.LoggerFactory;

/**
 * A rewind of two small data directories, without a server but those of its {@link RehearsalStage}: the launcher runs it once for the cache of classes with
 * which {@code walrelay rewind} starts quickly. It is played rather than loaded because the lambdas of what runs are in the cache then, too; to make one anew
 * takes as long as to read a megabyte. What it misses is loaded later, as without a cache.
 */
final class RewindRehearsal {

    /** What the launcher calls it by; no command of anybody's. */
    static final String NAME = "rehearse-rewind";

    private static final List<String> NEEDED = List.of(
            "io/walrelay/rewind/", "io/walrelay/wal/", "io/walrelay/proxy/cli/Re", "io/walrelay/proxy/client/", "io/walrelay/proxy/conninfo/",
            "org/postgresql/core/", "org/postgresql/jdbc/", "org/postgresql/util/", "org/postgresql/geometric/");

    private static final int LIMIT_SECONDS = 30;

    private RewindRehearsal() {}

    static int run() {
        CountDownLatch over = new CountDownLatch(1);
        Thread.ofPlatform().daemon().name("end").start(() -> endInTime(over));
        try {
            rehearse();
            return Main.OK;
        } catch (IOException | URISyntaxException | SQLException e) {
            System.err.println("walrelay: " + e);
            return Main.FAILURE;
        } finally {
            over.countDown();
        }
    }

    /** A rewind waits patiently for its relay; who waits for a rehearsal has a server that is down. What was loaded until then is in the cache all the same. */
    private static void endInTime(CountDownLatch over) {
        try {
            if (!over.await(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("walrelay: the rehearsal takes longer than %d s".formatted(LIMIT_SECONDS));
                System.exit(Main.FAILURE);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void rehearse() throws IOException, URISyntaxException, SQLException {
        Path directory = Files.createTempDirectory("walrelay-rehearsal-");
        try (RehearsalStage stage = new RehearsalStage()) {
            part("the rewind", () -> rewind(directory, stage));
            part("the driver", () -> connect(stage.postgres(directory)));
        } finally {
            FileTrees.delete(directory);
        }
        Main.run("rewind", "--help");
        LoggerFactory.getLogger(RewindRehearsal.class).info("a log line");
        for (Class<?> one : List.of(Rewind.class, Lsn.class, Main.class, DriverManager.getDriver("jdbc:postgresql://127.0.0.1/postgres").getClass())) {
            loadJarOf(one);
        }
    }

    private interface Part {
        void play() throws IOException, RefusedException;
    }

    /** One that can't be played, as where there is no keytool, is only slower later. */
    private static void part(String name, Part part) {
        try {
            part.play();
        } catch (IOException | RefusedException | RuntimeException e) {
            System.out.println("could not rehearse %s: %s".formatted(name, e));
        }
    }

    /** An old primary and a new one, as PostgreSQL left them: .ci/rehearsal-directories has made them. */
    private static void unpack(Path directory) throws IOException {
        try (InputStream resource = Objects.requireNonNull(RewindRehearsal.class.getResourceAsStream("rehearsal.zip"), "rehearsal.zip");
                ZipInputStream zip = new ZipInputStream(resource)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Path path = directory.resolve(entry.getName());
                if (entry.isDirectory()) {
                    Files.createDirectory(path);
                } else {
                    Files.copy(zip, path);
                }
            }
        }
        Files.writeString(directory.resolve("old/base/5/16390"), "to be removed");
        Files.writeString(directory.resolve("now/base/5/16391"), "to be copied");
    }

    private static void rewind(Path directory, RehearsalStage stage) throws IOException, RefusedException {
        unpack(directory);
        Path now = directory.resolve("now");
        Path old = directory.resolve("old");
        ControlFile theirs = ControlFile.parse("source", Files.readAllBytes(now.resolve(ControlFile.PATH)));
        ControlFile ours = ControlFile.parse("target", Files.readAllBytes(old.resolve(ControlFile.PATH)));
        int relay = stage.listen(new RehearsalRelay(old, now, onlySegment(old), ours.segmentSize(), ours.checkpoint(), theirs.checkpoint()));
        rewind(old, now, relay, true);
        rewind(old, now, relay, false);
    }

    private static Path onlySegment(Path data) throws IOException {
        try (Stream<Path> files = Files.list(data.resolve("pg_wal"))) {
            return files.findFirst().orElseThrow();
        }
    }

    private static void rewind(Path old, Path now, int port, boolean dry) throws IOException, RefusedException {
        RelayOfRewind relay = new RelayOfRewind(
                new Relays(List.of(URI.create("http://127.0.0.1:" + port)), Optional.empty(), Optional.empty(), RelayOfRewind.SILENCE), "rehearsal");
        RewindRequest request = new RewindRequest(
                old, true, false, Optional.empty(), dry, Optional.of("primary_slot_name = 'rehearsal'\n"), Optional.of(relay), false, Optional.empty(), System.getenv());
        try (DirectorySource source = new DirectorySource(now)) {
            RewindReport report = new Rewind(request, source, new RewindConsole(new PrintWriter(System.out, true, StandardCharsets.UTF_8), true, false)).run();
            System.out.println(Json.MAPPER.writeValueAsString(RewindSummary.of(report)));
        }
    }

    private static void connect(int port) {
        try (var source = SourceServers.open("host=127.0.0.1 port=%d user=postgres dbname=postgres passfile=/dev/null".formatted(port), Map.of(), 1)) {
            throw new IllegalStateException("nothing was refused: " + source.describe());
        } catch (IOException | RefusedException expected) {
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
