package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The server that the relay streams from is a standby and is promoted, or first follows the promotion of another and then is
 * promoted itself. pg_receivewal, once from the relay and once from that server, writes the same files, byte for byte.
 *
 * <pre>
 *   timeline 1  first  ─────────●■ stopped
 *   timeline 2  second          └──────────●■ stopped
 *   timeline 3  third                      └───────────
 *
 *   first ─▶ second ─▶ third ─▶ relay ─▶ a, pg_receivewal
 *                         └─▶ pg_receivewal
 * </pre>
 *
 * With one promotion there is no third.
 */
@Timeout(180)
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class ReceivewalPromotionIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final int version;

    @TempDir
    private Path directory;

    ReceivewalPromotionIT(int version) {
        this.version = version;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void itsFilesAreThoseOfAServerAcrossPromotions(int promotions) throws IOException {
        try (Cascade servers = new Cascade(version, promotions);
                RelayProcess relay = RelayProcess.of(servers.last().conninfo(), "relay", directory.resolve("data")).startReady();
                LocalPostgres a = LocalPostgres.standbyOf(servers.get(0), relay.conninfo("a")).name("a").start()) {
            Path direct = Files.createDirectory(directory.resolve("direct"));
            Path relayed = Files.createDirectory(directory.resolve("relayed"));
            load(servers.get(0), 20);
            Ledger.assertEqualOn(servers.get(0), LIMIT, servers.last(), a);
            try (ExternalProcess fromServer = receive(servers.last().conninfo(), direct);
                    ExternalProcess fromRelay = receive(relay.conninfo(), relayed)) {
                Await.until("both to have begun", LIMIT, () -> !files(direct).isEmpty() && !files(relayed).isEmpty());
                assertEquals(files(direct).keySet().iterator().next(), files(relayed).keySet().iterator().next(), "the file that both began with");
                for (int i = 1; i <= promotions; i++) {
                    load(servers.get(i - 1), 200);
                    Ledger.assertEqualOn(servers.get(i - 1), LIMIT, servers.last(), a);
                    servers.get(i - 1).stop(LocalPostgres.StopMode.FAST);
                    servers.get(i).promote();
                }
                load(servers.last(), 200);
                servers.last().execute("SELECT pg_switch_wal()");
                Ledger.assertEqualOn(servers.last(), LIMIT, a);
                TimelineId newest = new TimelineId(1 + promotions);
                assertEquals(newest, a.timeline(), "the timeline of a");

                Map<String, String> same = Await.until(
                        "the same files",
                        LIMIT,
                        () -> {
                            Map<String, String> expected = files(direct);
                            return expected.equals(files(relayed)) ? expected : Map.of("direct", expected + "; relayed: " + files(relayed));
                        },
                        seen -> whole(newest, seen) >= 2);
                for (int timeline = 1; timeline <= promotions; timeline++) {
                    String ended = "%08X".formatted(timeline);
                    assertTrue(whole(new TimelineId(timeline), same) >= 1, () -> "no whole file of timeline " + ended + ": " + same);
                    assertTrue(
                            same.keySet().stream().anyMatch(name -> name.startsWith(ended) && name.endsWith(".partial")),
                            () -> "no .partial file of timeline " + ended + ": " + same);
                    assertTrue(same.containsKey("%08X.history".formatted(timeline + 1)), same::toString);
                }
                assertTrue(fromServer.isRunning() && fromRelay.isRunning(), () -> fromServer.output() + fromRelay.output());
                assertFalse((fromServer.output() + fromRelay.output()).contains("disconnected"), () -> fromServer.output() + fromRelay.output());
            }
        }
    }

    /** How many whole segments of {@code timeline} there are. */
    private static long whole(TimelineId timeline, Map<String, String> files) {
        String prefix = "%08X".formatted(timeline.value());
        return files.keySet().stream().filter(name -> name.length() == 24 && name.startsWith(prefix)).count();
    }

    /** A primary and standbys, each of which streams from the one before it. */
    private static final class Cascade implements AutoCloseable {

        private final List<LocalPostgres> servers = new ArrayList<>();

        Cascade(int version, int standbys) {
            try {
                servers.add(LocalPostgres.of(Servers.version(version)).segmentSize(new SegmentSize(1 << 20)).name("server0").start());
                for (int i = 1; i <= standbys; i++) {
                    servers.add(LocalPostgres.standbyOf(servers.getFirst(), last().conninfo()).name("server" + i).copyWal().start());
                }
            } catch (RuntimeException e) {
                close();
                throw e;
            }
        }

        LocalPostgres get(int i) {
            return servers.get(i);
        }

        LocalPostgres last() {
            return servers.getLast();
        }

        @Override
        public void close() {
            servers.reversed().forEach(LocalPostgres::close);
        }
    }

    private ExternalProcess receive(String conninfo, Path into) {
        return Programs.version(version).start("pg_receivewal", "--dbname", conninfo, "--directory", into.toString(), "--no-sync", "--verbose");
    }

    /** Name and hash of each file. */
    private static Map<String, String> files(Path directory) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> all = Files.list(directory)) {
            for (Path file : all.toList()) {
                files.put(String.valueOf(file.getFileName()), sha256(Files.readAllBytes(file)));
            }
        }
        return files;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    private static void load(LocalPostgres server, int rows) {
        try (Ledger ledger = Ledger.on(server, 8_000)) {
            Ledger.awaitRow(ledger.confirmed() + rows, server, LIMIT);
            ledger.stop();
        }
    }
}
