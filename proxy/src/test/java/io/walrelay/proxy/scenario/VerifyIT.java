package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code walrelay verify} beside a relay that runs, after a promotion, and of what is damaged then. */
@Timeout(300)
final class VerifyIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    @TempDir
    private Path directory;

    private Path archive() {
        return directory.resolve("archive");
    }

    private static void write(LocalPostgres server, int megabytes) {
        server.execute(
                "CREATE TABLE IF NOT EXISTS filler (noise text)",
                "ALTER TABLE filler ALTER noise SET STORAGE EXTERNAL",
                "INSERT INTO filler SELECT string_agg(md5(random()::text), '') FROM generate_series(1, %d) n, generate_series(1, 3000) m GROUP BY n".formatted(10 * megabytes));
    }

    private Programs.Result verify(Path data, String... more) {
        List<String> arguments = new ArrayList<>(List.of("verify", "--data", data.toString(), "--archive", "file://" + archive()));
        arguments.addAll(List.of(more));
        return WalrelayCommand.run(LIMIT, Map.of(), arguments.toArray(String[]::new));
    }

    private static JsonNode json(Programs.Result result) {
        String line = result.output().lines().filter(text -> text.startsWith("{")).findFirst().orElseThrow(() -> new AssertionError(result.toString()));
        return JsonMapper.shared().readTree(line);
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void findsNothingWrongWithARelayThatRunsAndNamesWhatIsDamagedThen(int version) throws Exception {
        Programs programs = Programs.version(version);
        try (LocalPostgres primary = LocalPostgres.of(programs.server()).segmentSize(SEGMENT).name("primary").start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).name("next").start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres dbname=postgres".formatted(primary.port(), standby.port()),
                                "relay",
                                directory.resolve("data"),
                                "--archive",
                                "file://" + archive())
                        .with("WALRELAY_ARCHIVE_COMPRESSION", "none")
                        .start()) {
            relay.awaitReady(LIMIT);
            Lsn begin = SEGMENT.endOf(primary.flushedLsn());
            write(primary, 5);
            ArchiveIT.awaitArchived(relay, primary.flushedLsn());
            standby.awaitReplay(primary.flushedLsn(), LIMIT);
            primary.stop(LocalPostgres.StopMode.FAST);
            standby.promote();
            write(standby, 5);
            Lsn end = standby.flushedLsn();
            ArchiveIT.awaitArchived(relay, end);

            Programs.Result running = verify(relay.data());
            assertEquals(0, running.status(), running::output);
            assertTrue(running.output().contains("nothing is wrong"), running::output);
            JsonNode good = json(verify(relay.data(), "--format", "json"));
            assertEquals(2, good.at("/branches/0/timeline").asInt(), good::toString);
            assertEquals(0, good.at("/problems").size(), good::toString);
            assertEquals(1, good.at("/branches/0/ranges").size(), good::toString);
            Lsn proved = Lsn.parse(good.at("/branches/0/ranges/0/to").asString());
            assertTrue(proved.isAtLeast(end), good::toString);
            // From the record that a checkpoint would name, at the latest.
            Lsn from = Lsn.max(begin, Lsn.parse(good.at("/branches/0/ranges/0/from").asString()));
            assertEquals(0, verify(relay.data(), "--from", from.toString(), "--to", end.toString()).status());

            // The archive alone, as after the loss of the relay: it is whole, but for what is still to come.
            Path nowhere = directory.resolve("nowhere");
            Programs.Result alone = verify(nowhere);
            assertEquals(0, alone.status(), alone::output);

            damage(relay, nowhere, from, begin.plus(2L << 20), end);
        }
    }

    private void damage(RelayProcess relay, Path nowhere, Lsn from, Lsn damaged, Lsn end) throws IOException {
        Map<String, Path> files = ArchiveIT.files(archive());
        Path flipped = segment(files, damaged);
        byte[] bytes = Files.readAllBytes(flipped);
        for (int at = 300_000; at < 300_064; at++) {
            bytes[at] ^= 1;
        }
        Files.write(flipped, bytes);
        Programs.Result beside = verify(relay.data());
        assertEquals(1, beside.status(), beside::output);
        assertTrue(beside.output().contains("different-bytes"), beside::output);
        assertTrue(beside.output().contains(String.valueOf(flipped.getFileName())), beside::output);
        Programs.Result bad = verify(nowhere);
        assertEquals(1, bad.status(), bad::output);
        assertTrue(bad.output().lines().anyMatch(line -> line.startsWith("PROBLEM  bad-wal") && line.contains(String.valueOf(flipped.getFileName()))), bad::output);

        Path gone = segment(files, damaged.plus(1L << 20));
        Files.delete(gone);
        JsonNode report = json(verify(nowhere, "--format", "json", "--from", from.toString(), "--to", SEGMENT.startOf(damaged).plus(200_000).toString()));
        assertEquals("possible", report.at("/recovery/verdict").asString(), report::toString);
        assertTrue(report.at("/problems").toString().contains(String.valueOf(gone.getFileName())), report::toString);
        Programs.Result over = verify(nowhere, "--from", from.toString(), "--to", SEGMENT.startOf(end).toString());
        assertEquals(1, over.status(), over::output);
        assertTrue(over.output().contains("WOULD END at "), over::output);
        // The relay itself has both on its disk.
        assertEquals(0, verify(relay.data(), "--from", from.toString(), "--to", end.toString()).status());
        Await.until("the relay to be ready", LIMIT, () -> relay.get("/readyz").statusCode(), status -> status == 200);
    }

    private static Path segment(Map<String, Path> files, Lsn lsn) {
        String name = "00000001%08X%08X".formatted(lsn.value() >>> 32, (lsn.value() & 0xFFFF_FFFFL) / SEGMENT.bytes());
        return files.entrySet().stream().filter(entry -> entry.getKey().equals(name)).map(Map.Entry::getValue).findFirst()
                .orElseThrow(() -> new AssertionError("%s is not archived; there are %s".formatted(name, files.keySet())));
    }
}
