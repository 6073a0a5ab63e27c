package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A new standby whose pg_basebackup took no WAL along: the relay has all that the copy needs. The primary has
 * recycled it by then.
 *
 * <pre>
 *   primary ═ load ═ backup ═ backup's end ═ checkpoint ═════▶
 *      │                │
 *      ▼                ▼ pg_basebackup -X none
 *    relay ─────────▶ clone     from the backup's first segment on, which only the relay has
 * </pre>
 */
@Timeout(120)
@ParameterizedClass
@ValueSource(ints = {15, 18})
final class CloneIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Pattern FIRST_SEGMENT = Pattern.compile("START WAL LOCATION: \\S+ \\(file ([0-9A-F]{24})\\)");

    private final Programs programs;

    @TempDir
    private Path directory;

    CloneIT(int version) {
        programs = Programs.version(version);
    }

    @Test
    void aCopyThatBroughtNoWalFollowsThroughTheRelay() {
        try (LocalPostgres primary = LocalPostgres.of(programs.server())
                        .name("primary")
                        .segmentSize(new SegmentSize(1 << 20))
                        .set("wal_keep_size", "0")
                        .set("min_wal_size", "2MB")
                        .start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", directory.resolve("data")).start();
                Ledger ledger = Ledger.on(primary, 8_000)) {
            relay.awaitReady(LIMIT);
            Ledger.awaitRow(ledger.confirmed() + 100, primary, LIMIT);
            long before = ledger.confirmed();
            try (LocalPostgres clone = LocalPostgres.standbyOf(primary, relay.conninfo("clone")).name("clone").copiedBy(this::backup).create()) {
                assertTrue(ledger.confirmed() > before, "no commit during the backup");
                assertEquals(List.of(), walOf(clone), "WAL that the copy brought");
                String first = firstSegment(clone);
                Await.until(
                        "the primary to recycle " + first,
                        LIMIT,
                        () -> {
                            primary.execute("CHECKPOINT");
                            return primary.query("SELECT count(*) FROM pg_ls_waldir() WHERE name = '%s'".formatted(first));
                        },
                        "0"::equals);

                clone.start();
                Ledger.awaitRow(ledger.confirmed() + 100, clone, LIMIT);
                ledger.stop();
                Ledger.assertEqualOn(primary, LIMIT, clone);
                assertEquals(
                        Integer.toString(relay.port()), clone.query("SELECT sender_port FROM pg_stat_wal_receiver"), "the port that the clone streams from");
                assertEquals("0", primary.query("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'clone'"));
                assertFalse(clone.log().contains("has already been removed"), clone::log);
            }
        }
    }

    private void backup(LocalPostgres source, Path target) throws IOException {
        programs.run(LIMIT, "pg_basebackup", "-X", "none", "--checkpoint=fast", "--no-sync", "-D", target.toString(), "-d", source.conninfo())
                .orFail();
        Files.createFile(target.resolve("standby.signal"));
    }

    private static List<String> walOf(LocalPostgres server) {
        try (Stream<Path> files = Files.list(server.dataDirectory().resolve("pg_wal"))) {
            return files.filter(Files::isRegularFile).map(file -> String.valueOf(file.getFileName())).toList();
        } catch (IOException e) {
            throw new UncheckedIOException("could not list pg_wal of " + server.name(), e);
        }
    }

    private static String firstSegment(LocalPostgres clone) {
        try {
            String label = Files.readString(clone.dataDirectory().resolve("backup_label"));
            Matcher matcher = FIRST_SEGMENT.matcher(label);
            assertTrue(matcher.find(), label);
            return matcher.group(1);
        } catch (IOException e) {
            throw new UncheckedIOException("could not read the backup label", e);
        }
    }
}
