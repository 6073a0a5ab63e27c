package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The server that the relay streams from is a standby and is promoted. pg_receivewal, once from the relay and once from that server,
 * writes the same files, byte for byte.
 *
 * <pre>
 *   timeline 1  primary ─────────●■ stopped
 *   timeline 2  up               └───────────
 *
 *   primary ─▶ up ─▶ relay ─▶ a, pg_receivewal
 *                └─▶ pg_receivewal
 * </pre>
 */
final class ReceivewalPromotionIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @Test
    void itsFilesAreThoseOfAServerAcrossAPromotion() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).segmentSize(new SegmentSize(1 << 20)).name("primary").start();
                LocalPostgres up = LocalPostgres.standbyOf(primary, primary.conninfo()).name("up").copyWal().start();
                RelayProcess relay = RelayProcess.of(up.conninfo(), "relay", directory.resolve("data")).start();
                LocalPostgres a = LocalPostgres.standbyOf(primary, relay.conninfo("a")).name("a").start()) {
            Path direct = Files.createDirectory(directory.resolve("direct"));
            Path relayed = Files.createDirectory(directory.resolve("relayed"));
            load(primary, 20);
            Ledger.assertEqualOn(primary, LIMIT, up, a);
            try (ExternalProcess fromServer = receive(up.conninfo(), direct);
                    ExternalProcess fromRelay = receive(relay.conninfo(), relayed)) {
                Await.until("both to have begun", LIMIT, () -> !files(direct).isEmpty() && !files(relayed).isEmpty());
                assertEquals(files(direct).keySet().iterator().next(), files(relayed).keySet().iterator().next(), "the file that both began with");
                load(primary, 200);
                Ledger.assertEqualOn(primary, LIMIT, up, a);
                primary.stop(LocalPostgres.StopMode.FAST);
                up.promote();
                load(up, 200);
                up.execute("SELECT pg_switch_wal()");
                Ledger.assertEqualOn(up, LIMIT, a);
                assertEquals(new TimelineId(2), a.timeline(), "the timeline of a");

                Map<String, String> same = Await.until(
                        "the same files",
                        LIMIT,
                        () -> {
                            Map<String, String> expected = files(direct);
                            return expected.equals(files(relayed)) ? expected : Map.of("direct", expected + "; relayed: " + files(relayed));
                        },
                        seen -> seen.containsKey("00000002.history") && seen.keySet().stream().filter(name -> name.length() == 24 && name.startsWith("00000002")).count() >= 2);
                assertTrue(
                        same.keySet().stream().anyMatch(name -> name.startsWith("00000001") && name.endsWith(".partial")),
                        () -> "no .partial file of timeline 1: " + same);
                assertTrue(fromServer.isRunning() && fromRelay.isRunning(), () -> fromServer.output() + fromRelay.output());
            }
        }
    }

    private static ExternalProcess receive(String conninfo, Path into) {
        return Programs.start("pg_receivewal", "--dbname", conninfo, "--directory", into.toString(), "--no-sync", "--verbose");
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
