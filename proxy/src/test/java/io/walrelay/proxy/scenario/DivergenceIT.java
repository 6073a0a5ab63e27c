package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The relay, and a standby that it fed, have WAL that the server which is promoted never got.
 *
 * <pre>
 *   timeline 1  primary ───●────────────╳ killed      ●: next is cut off, spared is stopped
 *                          │ └── tail ──┘             the relay acknowledged it, fed replayed it
 *   timeline 2  next       └────────────────          spared goes on here, fed can't
 *
 *   primary ─▶ next
 *   primary | next ─▶ relay ─▶ fed, spared
 * </pre>
 *
 * <p>The relay stops until somebody has said which side is right; then the tail is an orphan.
 */
final class DivergenceIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    private Path directory;

    /** Asynchronous; the tail reaches into the next segment; the operator pastes the command that the relay gives. */
    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void theOperatorSaysThatTheNewTimelineIsRight(int version) throws Exception {
        try (Scene scene = new Scene(version, directory.resolve("data"))) {
            scene.primary.execute("SELECT pg_switch_wal()");
            Lsn tail = scene.writeTail();
            scene.failOver();

            StatusReport stopped = RelayStatus.await(
                    "the relay to stop", scene.relay, LIMIT, s -> s.upstream().state().equals("stopped"));
            String command = "walrelay follow 127.0.0.1:" + scene.next.port();
            assertTrue(stopped.upstream().problem().orElse("").contains(command), stopped.upstream()::toString);
            assertFalse(stopped.ready());
            scene.relay.kill();
            scene.relay.start();
            scene.relay.awaitHttp("/readyz", 503, LIMIT);
            RelayStatus.await("the relay to stop again", scene.relay, LIMIT, s -> s.upstream().problem().orElse("").contains(command));
            assertTrue(scene.fed.replayedLsn().isAtLeast(tail), "what fed has is still there");
            scene.awaitFedStreams();

            RelayStatus.follow(scene.relay, "127.0.0.1:" + scene.next.port());
            scene.relay.awaitReady(LIMIT);
            scene.assertTailIsAnOrphan();
            // It asks for the segment past the fork again and again, and the answer stays.
            scene.relay.kill();
            scene.relay.start();
            scene.relay.awaitReady(LIMIT);
            scene.assertSparedGoesOn();
            Await.until("fed to be refused after the restart", LIMIT, () -> count(scene.fed.log(), "is not in this server's history") > 1);
            String why = WalrelayCommand.run(LIMIT, Map.of(), "why", "fed", "--relay", scene.relay.url()).output();
            assertTrue(why.startsWith("diverged: ") && why.contains(" A rewind fetches ") && why.contains(" blocks or more."), why);
        }
    }

    /** Synchronous, the relay being all that commits wait for: confirmed commits are lost, which is never quiet. */
    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void confirmedCommitsThatTheNewPrimaryLacksRaiseTheAlarm(int version) throws Exception {
        try (Scene scene = new Scene(version, directory.resolve("data"))) {
            scene.primary.set("synchronous_standby_names", "relay");
            scene.primary.reload();
            Await.until(
                    "the relay to be synchronous", LIMIT, () -> scene.primary.query("SELECT sync_state FROM pg_stat_replication WHERE application_name = 'relay'"), "sync"::equals);
            scene.writeTail();
            long confirmed = Ledger.rows(scene.primary);
            scene.relay.terminate(LIMIT);
            scene.relay.with("WALRELAY_UPSTREAM_ON_DIVERGENCE", "follow").start();
            long kept = scene.failOver();

            assertTrue(kept < confirmed, "confirmed commits are lost");
            RelayStatus.awaitStreaming(scene.relay, scene.next, LIMIT);
            assertAlarm(scene.relay);
            scene.assertTailIsAnOrphan();
            scene.relay.kill();
            scene.relay.start();
            RelayStatus.awaitStreaming(scene.relay, scene.next, LIMIT);
            scene.relay.awaitHttp("/readyz", 503, LIMIT);
            assertAlarm(scene.relay);
            scene.assertSparedGoesOn();

            // Who says that the host in use is the right one has taken note.
            RelayStatus.follow(scene.relay, "127.0.0.1:" + scene.next.port());
            scene.relay.awaitReady(LIMIT);
            scene.relay.kill();
            scene.relay.start();
            RelayStatus.awaitStreaming(scene.relay, scene.next, LIMIT);
            scene.relay.awaitReady(LIMIT);
        }
    }

    private static void assertAlarm(RelayProcess relay) throws IOException, InterruptedException {
        StatusReport status = RelayStatus.of(relay);
        assertTrue(status.reasons().containsKey("acknowledged-orphaned"), status.reasons()::toString);
        assertTrue(relay.metrics().contains("walrelay_acknowledged_orphaned 1"), relay::metrics);
        assertTrue(relay.log().contains("acknowledged-orphaned"), relay::log);
    }

    private static long count(String text, String fragment) {
        return text.lines().filter(line -> line.contains(fragment)).count();
    }

    /** The servers up to the moment when next is cut off. */
    private static final class Scene implements AutoCloseable {

        final LocalPostgres primary;
        final LocalPostgres next;
        final RelayProcess relay;
        final LocalPostgres fed;
        final LocalPostgres spared;
        private final Path data;
        private final Lsn cut;

        Scene(int version, Path data) {
            this.data = data;
            primary = LocalPostgres.of(Servers.version(version)).name("primary").start();
            next = LocalPostgres.standbyOf(primary, primary.conninfo()).name("next").start();
            relay = RelayProcess.of(
                            "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres".formatted(primary.port(), next.port()), "relay", data)
                    .start();
            fed = LocalPostgres.standbyOf(primary, relay.conninfo("fed")).name("fed").start();
            spared = LocalPostgres.standbyOf(primary, relay.conninfo("spared")).name("spared").start();
            write(primary, 20);
            Ledger.assertEqualOn(primary, LIMIT, next, fed, spared);
            spared.stop(LocalPostgres.StopMode.FAST);
            next.set("primary_conninfo", "host=127.0.0.1 port=1");
            next.reload();
            Await.until("next to be cut off", LIMIT, () -> next.query("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"), "0"::equals);
            cut = primary.flushedLsn();
        }

        /** Commits that next will not have. Returns when the relay has acknowledged them and fed has replayed them. */
        Lsn writeTail() {
            write(primary, 20);
            Lsn end = primary.flushedLsn();
            fed.awaitReplay(end, LIMIT);
            RelayStatus.await("the tail to be acknowledged", relay, LIMIT, s -> RelayStatus.acknowledged(s).isAtLeast(end));
            return end;
        }

        /** Returns the highest row that the new primary began with. */
        long failOver() {
            primary.kill();
            next.promote();
            long kept = Ledger.rows(next);
            write(next, 20);
            return kept;
        }

        void awaitFedStreams() {
            RelayStatus.await("fed to stream", relay, LIMIT, s -> s.standbys().stream().anyMatch(standby -> standby.name().equals("fed")));
        }

        void assertTailIsAnOrphan() throws IOException, InterruptedException {
            StatusReport.Wal wal = RelayStatus.of(relay).wal().orElseThrow();
            assertEquals(2, wal.timeline());
            assertEquals(1, wal.orphans().size(), wal.orphans()::toString);
            Lsn fork = Lsn.parse(wal.orphans().getFirst().fork());
            assertTrue(fork.isAtMost(cut), () -> "fork at %s, cut at %s".formatted(fork, cut));
            try (Stream<Path> files = Files.walk(data.resolve("orphans"))) {
                List<Path> segments = files.filter(Files::isRegularFile).toList();
                assertFalse(segments.isEmpty(), "no segments in orphans/");
            } catch (IOException e) {
                throw new UncheckedIOException("could not look into orphans/", e);
            }
            Await.until("fed to be told the fork at " + fork, LIMIT, fed::log, log -> log.contains("forked from timeline 1 at " + fork)
                    && log.contains("is not in this server's history") && log.contains("walrelay rewind or pg_rewind"));
        }

        void assertSparedGoesOn() {
            spared.start();
            Ledger.assertEqualOn(next, LIMIT, spared);
            write(next, 5);
            Ledger.assertEqualOn(next, LIMIT, spared);
            assertEquals(new TimelineId(2), spared.timeline(), "the timeline of spared");
        }

        private static void write(LocalPostgres server, int rows) {
            try (Ledger ledger = Ledger.on(server, 100)) {
                Ledger.awaitRow(ledger.confirmed() + rows, server, LIMIT);
                ledger.stop();
            }
        }

        @Override
        public void close() {
            spared.close();
            fed.close();
            relay.close();
            next.close();
            primary.close();
        }
    }
}
