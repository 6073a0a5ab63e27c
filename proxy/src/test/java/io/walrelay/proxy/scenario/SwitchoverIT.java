package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A planned switch-over and back, with both servers named to the relay and the one that is standby behind it.
 *
 * <pre>
 *   timeline 1   one ────────■ stopped, all of it drained
 *   timeline 2   two         └──────────■ stopped, all of it drained
 *   timeline 3   one                    └────────────
 *
 *   one | two ─▶ relay ─▶ two | one, a          no orphan; a is never touched
 * </pre>
 */
final class SwitchoverIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void thereAndBackWithoutAnOrphan(int version) {
        try (LocalPostgres one = LocalPostgres.of(Servers.version(version)).name("one").start();
                LocalPostgres two = LocalPostgres.standbyOf(one, one.conninfo()).name("two").start();
                RelayProcess relay = RelayProcess.of(
                                "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(one.port(), two.port()), "relay", directory.resolve("data"))
                        .startReady();
                LocalPostgres a = LocalPostgres.standbyOf(one, relay.conninfo("a")).name("a").start()) {
            two.set("primary_conninfo", relay.conninfo("two"));
            two.reload();
            load(one);
            switchOver(one, two, relay);
            load(two);
            Ledger.assertEqualOn(two, LIMIT, one, a);
            switchOver(two, one, relay);
            load(one);
            Ledger.assertEqualOn(one, LIMIT, two, a);
            assertEquals(new TimelineId(3), a.timeline(), "the timeline of a");

            StatusReport status = RelayStatus.awaitStreaming(relay, one, LIMIT);
            assertTrue(status.ready(), status.reasons()::toString);
            assertTrue(status.wal().orElseThrow().orphans().isEmpty(), status::toString);
            assertTrue(status.wal().orElseThrow().gaps().isEmpty(), status::toString);
            assertTrue(status.events().stream().noneMatch(e -> e.kind().equals("fork")), status.events()::toString);
        }
    }

    private static void switchOver(LocalPostgres from, LocalPostgres to, RelayProcess relay) {
        // A clean stop sends all WAL to whoever streams, with the shutdown checkpoint at its end.
        from.stop(LocalPostgres.StopMode.FAST);
        StatusReport seen = RelayStatus.await(
                "the relay to lose its upstream", relay, LIMIT, s -> !s.upstream().state().equals("streaming"));
        Lsn drained = Lsn.parse(seen.wal().orElseThrow().written());
        to.awaitReplay(drained, LIMIT);
        to.promote();
        try {
            Files.createFile(from.dataDirectory().resolve("standby.signal"));
        } catch (IOException e) {
            throw new UncheckedIOException("could not make %s a standby".formatted(from.name()), e);
        }
        from.set("primary_conninfo", relay.conninfo(from.name()));
        from.start();
    }

    private static void load(LocalPostgres server) {
        try (Ledger ledger = Ledger.on(server, 100)) {
            Ledger.awaitRow(ledger.confirmed() + 20, server, LIMIT);
            ledger.stop();
        }
    }
}
