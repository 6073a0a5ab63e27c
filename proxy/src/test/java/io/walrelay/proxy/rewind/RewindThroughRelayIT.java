package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.LIMIT;
import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.rewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * No WAL is copied: the rewound server streams it from the relay, from the replay start on.
 *
 * <pre>
 *   old   1 ──C──|────|────|──┬── went on ─╳  rewound ──▶ streams from the relay
 *   new                       └─2──────────────────────────────────────────────▶
 *   relay 1 ──────────────────┴─2── follows new
 * </pre>
 */
class RewindThroughRelayIT {

    private static final Pattern FETCHED = Pattern.compile("\"bytes_fetched\":(\\d+)");

    private static final Pattern SKIPPED = Pattern.compile("\"skipped_blocks\":(\\d+)");

    /** Not the last of those before the fork, which is read; what the source has written is known to its end. */
    private static final Pattern FROM_INDEX =
            Pattern.compile("\"target_wal\":\\{\"segments_indexed\":[1-9][0-9]*,.*\"source_wal\":\\{\"segments_indexed\":[1-9][0-9]*,\"segments_read\":0}");

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {14, 15, 18})
    void theTargetStreamsFromTheRelayWhatItWouldElseCopy(int major) throws IOException {
        try (TwoServers servers = TwoServers.of(Servers.version(major));
                RelayProcess relay = RelayProcess.of("host=127.0.0.1 port=%d user=postgres".formatted(servers.standby.port()), "relay", directory.resolve("relay"))
                        .with("WALRELAY_UPSTREAM_START", "oldest")
                        .start()) {
            LocalPostgres old = servers.old;
            LocalPostgres now = servers.standby;
            for (int i = 0; i < 3; i++) {
                old.execute("INSERT INTO t SELECT 'more', i, repeat('z', 100) FROM generate_series(1, 100) i", "SELECT pg_switch_wal()");
            }
            servers.awaitReplay(old, now);
            promote(now);
            diverge(now, "new");
            // A whole segment with images of the blocks that both changed, which the relay has then.
            now.execute("SELECT pg_switch_wal()", "INSERT INTO t VALUES ('next', 1, '')");
            diverge(old, "old");
            end(old, major);
            // The target's own WAL has a hole before the fork, which the relay fills for the plan, and on 14 the source for the replay.
            Files.delete(old.dataDirectory().resolve("pg_wal/000000010000000000000003"));
            String configuration = Files.readString(old.dataDirectory().resolve("postgresql.conf"));
            String end = now.query("SELECT pg_current_wal_flush_lsn()");
            Await.until(
                    "the relay to have all of it",
                    LIMIT,
                    () -> now.query("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'relay' AND write_lsn >= '%s'".formatted(end)),
                    "1"::equals);
            awaitIndex(relay);

            Programs.Result result = rewind(
                    old, "--source-server", now.conninfo(), "-R", "--relay", relay.url(), "--relay-conninfo", relay.conninfo("old"), "--relay-slot", "old", "--format", "json", "--checkpoint");

            assertEquals(0, result.status(), result.output());
            Matcher fetched = FETCHED.matcher(result.output());
            assertTrue(fetched.find() && Long.parseLong(fetched.group(1)) < (major < 15 ? 24 : 8) << 20, result.output());
            Matcher skipped = SKIPPED.matcher(result.output());
            assertTrue(skipped.find() && Long.parseLong(skipped.group(1)) > 50, result.output());
            assertTrue(FROM_INDEX.matcher(result.output()).find(), result.output());
            assertEquals(configuration, Files.readString(old.dataDirectory().resolve("postgresql.conf")));
            assertFalse(segments(old.dataDirectory()).stream().anyMatch(path -> path.getFileName().toString().startsWith("00000002")));
            old.start();
            now.execute("INSERT INTO t VALUES ('after', 1, '')");
            servers.awaitReplay(now, old);
            assertEquals(content(now), content(old));
            Await.until("the standby to be on its slot", LIMIT, () -> old.query("SELECT slot_name || ' ' || sender_port FROM pg_stat_wal_receiver"), ("old " + relay.port())::equals);
            assertEquals("0", now.query("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'old'"));
        }
    }

    /** One of them crashes: where its WAL ends is found from what the index proves on. */
    private static void end(LocalPostgres old, int major) {
        if (major == 15) {
            old.kill();
        } else {
            stop(old);
        }
    }

    /** Until the segment is indexed in which timeline 2 begins: those before it are then, too. */
    private static void awaitIndex(RelayProcess relay) {
        Await.until("the relay's change index", LIMIT, () -> relay.get("/api/v1/segments?timeline=2&from=0/1000000&to=0/20000000").body(), body -> body.contains("00000002"));
    }

    private static List<Path> segments(Path data) {
        try (Stream<Path> files = Files.list(data.resolve("pg_wal"))) {
            return files.filter(path -> path.getFileName().toString().matches("[0-9A-F]{24}")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
