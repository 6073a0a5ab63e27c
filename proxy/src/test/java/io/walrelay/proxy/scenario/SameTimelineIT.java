package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two servers that both write timeline 1, each its own: a copy was started without standby.signal. Only the bytes tell.
 *
 * <pre>
 *   timeline 1 ──┬── first ──▶ X     the relay has this, then first is gone
 *                └── second ───────▶ Y   past X, same timeline number, other bytes
 * </pre>
 */
final class SameTimelineIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void otherBytesOnTheSameTimelineAreNotJoinedToTheRelays(int version) throws IOException {
        try (LocalPostgres first = LocalPostgres.of(Servers.version(version)).name("first").start();
                LocalPostgres second = LocalPostgres.standbyOf(first, first.conninfo()).name("second").copyWal().create()) {
            Files.delete(second.dataDirectory().resolve("standby.signal"));
            second.start();
            try (RelayProcess relay = RelayProcess.of(
                            "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(first.port(), second.port()), "relay", directory.resolve("data"))
                    .start()) {
                try (Ledger ledger = Ledger.on(first, 200)) {
                    Await.until("100 rows on first", LIMIT, () -> ledger.confirmed() >= 100);
                    ledger.stop();
                }
                Lsn end = first.flushedLsn();
                Await.until(
                        "the relay to have all of first's WAL",
                        LIMIT,
                        () -> Lsn.parse(first.query("SELECT coalesce(max(flush_lsn), '0/0') FROM pg_stat_replication")),
                        flushed -> flushed.isAtLeast(end));
                first.kill();

                try (Ledger ledger = Ledger.on(second, 200)) {
                    Await.until("second to be past the relay", LIMIT, () -> second.flushedLsn().isAfter(end.plus(100_000)));
                    ledger.stop();
                }
                Await.until("the relay to notice", LIMIT, () -> relay.log().contains("differs from the relay's"));
                assertFalse(relay.log().contains("goes on with timeline"), relay.log());
            }
        }
    }
}
