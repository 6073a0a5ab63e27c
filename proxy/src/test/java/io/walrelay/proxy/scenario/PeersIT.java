package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two relays beside each other, both named in the primary_conninfo of one standby, whose slot is on both.
 *
 * <pre>
 *   primary ─▶ left  ──▶ standby        left is killed and its directory deleted
 *         └──▶ right ──▶ standby        while the standby is away; it goes on here, and comes back when left has been made anew
 * </pre>
 */
@Timeout(180)
final class PeersIT {

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final Programs PROGRAMS = Programs.version(15);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);

    @TempDir
    private Path directory;

    /** One that frees at once what nobody needs. */
    private RelayProcess relay(LocalPostgres primary, String name) {
        return RelayProcess.of(primary.conninfo(), name, directory.resolve(name))
                .with("WALRELAY_CACHE_KEEP", "0s")
                .with("WALRELAY_CACHE_DISK", "64MB");
    }

    private static StatusReport.Slot awaitSlot(String what, RelayProcess relay, Predicate<StatusReport.Slot> accepted) {
        return slot(RelayStatus.await(what, relay, LIMIT, s -> slot(s).filter(accepted).isPresent())).orElseThrow();
    }

    private static Optional<StatusReport.Slot> slot(StatusReport status) {
        return status.slots().stream().filter(s -> s.name().equals("s")).findFirst();
    }

    private static Lsn restart(StatusReport.Slot slot) {
        return Lsn.parse(slot.restartLsn().orElseThrow());
    }

    private static boolean isMirrorOf(RelayProcess home, StatusReport.Slot slot) {
        return slot.mirrorOf().equals(Optional.of(home.url()));
    }

    @Test
    void aStandbyGoesOnAtTheOtherRelayWithItsSlot() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(PROGRAMS.server()).segmentSize(SEGMENT).name("primary").start();
                RelayProcess left = relay(primary, "left");
                RelayProcess right = relay(primary, "right")) {
            left.with("WALRELAY_PEERS", right.url()).launch();
            right.with("WALRELAY_PEERS", left.url()).start();
            RelayStatus.awaitStreaming(left, primary, LIMIT);
            RelayStatus.awaitStreaming(right, primary, LIMIT);
            PROGRAMS.run(LIMIT, "pg_receivewal", "--create-slot", "--slot=s", "--dbname=" + left.conninfo()).orFail();
            String both = "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres application_name=s".formatted(left.port(), right.port());
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, both).set("primary_slot_name", "s").name("standby").start()) {
                inStep(primary, left, right, standby);
                Lsn had = awayForMoreThanIsKept(primary, right, standby);
                left.kill();
                FileTrees.delete(left.data());
                goesOn(primary, right, standby, had);
                left.start();
                awaitSlot("the relay made anew to have the slot", left, s -> isMirrorOf(right, s));
                assertEquals(1, RelayStatus.await("the peer to be up", right, LIMIT, s -> s.peers().getFirst().state().equals("up")).peers().size());
                assertTrue(left.metrics().contains("walrelay_peer_slots{peer=\"%s\"} 1".formatted(right.url())), left::metrics);
                goesBack(primary, left, right, standby);
                standby.stop(LocalPostgres.StopMode.FAST);
            }
            droppedForGood(left, right);
        }
    }

    private static void inStep(LocalPostgres primary, RelayProcess left, RelayProcess right, LocalPostgres standby) {
        awaitSlot("the standby to stream from the left relay", left, s -> s.activePid().isPresent());
        awaitSlot("the right relay to have the slot", right, s -> isMirrorOf(left, s));
        write(primary, 1);
        standby.awaitReplay(primary.flushedLsn(), LIMIT);
        Lsn confirmed = restart(awaitSlot("the slot to move", left, s -> s.restartLsn().isPresent()));
        awaitSlot("the right relay's slot to follow", right, s -> restart(s).isAtLeast(confirmed));
    }

    /** @return where the standby is */
    private static Lsn awayForMoreThanIsKept(LocalPostgres primary, RelayProcess right, LocalPostgres standby) {
        standby.stop(LocalPostgres.StopMode.FAST);
        Lsn had = restart(awaitSlot("the slot on the right relay", right, _ -> true));
        write(primary, 8);
        Lsn end = primary.flushedLsn();
        RelayStatus.await("the right relay to have it all", right, LIMIT, s -> Lsn.parse(s.wal().orElseThrow().flushed()).isAtLeast(end));
        return had;
    }

    private static void goesOn(LocalPostgres primary, RelayProcess right, LocalPostgres standby, Lsn had) {
        standby.start();
        awaitSlot("the standby to stream from the right relay", right, s -> s.activePid().isPresent() && s.mirrorOf().isEmpty());
        assertEqual(primary, standby);
        assertFalse(standby.log().contains("already been removed"), standby::log);
        // Nothing else has kept what the standby had missed.
        RelayStatus.await("the right relay to free what the slot had kept", right, LIMIT, s -> Lsn.parse(s.wal().orElseThrow().oldest()).minus(had) > 4L * SEGMENT.bytes());
    }

    private static void goesBack(LocalPostgres primary, RelayProcess left, RelayProcess right, LocalPostgres standby) {
        standby.stop(LocalPostgres.StopMode.FAST);
        write(primary, 1);
        standby.start();
        awaitSlot("the standby to stream from the left relay again", left, s -> s.activePid().isPresent() && s.mirrorOf().isEmpty());
        awaitSlot("the right relay to mirror it again", right, s -> isMirrorOf(left, s));
        assertEqual(primary, standby);
    }

    private static void droppedForGood(RelayProcess left, RelayProcess right) {
        awaitSlot("the slot to be free", left, s -> s.activePid().isEmpty());
        PROGRAMS.run(LIMIT, "pg_receivewal", "--drop-slot", "--slot=s", "--dbname=" + left.conninfo()).orFail();
        RelayStatus.await("the slot to vanish from the right relay", right, LIMIT, s -> slot(s).isEmpty());
        // Both have been asked again, and neither has it back.
        StatusReport before = RelayStatus.await("the left relay", left, LIMIT, _ -> true);
        RelayStatus.await(
                "the left relay to ask once more",
                left,
                LIMIT,
                s -> s.peers().getFirst().lastAnswer().orElseThrow().isAfter(before.at()) && slot(s).isEmpty());
    }

    /** Some segments of noise. */
    private static void write(LocalPostgres primary, int segments) {
        primary.execute("CREATE TABLE IF NOT EXISTS noise (id bigserial, text text)");
        for (int i = 0; i < segments; i++) {
            primary.execute("INSERT INTO noise (text) SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 320)", "SELECT pg_switch_wal()");
        }
    }

    private static void assertEqual(LocalPostgres primary, LocalPostgres standby) {
        standby.awaitReplay(primary.flushedLsn(), LIMIT);
        String hash = "SELECT count(*) || ' ' || md5(string_agg(text, '' ORDER BY id)) FROM noise";
        assertEquals(primary.query(hash), standby.query(hash));
    }
}
