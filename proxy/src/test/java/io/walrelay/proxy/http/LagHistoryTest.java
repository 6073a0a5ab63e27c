package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalVerifier;
import io.walrelay.cache.index.Changes;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.wal.Lsn;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LagHistoryTest {

    static final WalVerifier.Remedy NO_DAMAGE = new WalVerifier.Remedy() {
        @Override
        public void found(WalVerifier.Damage damage) {
            throw new AssertionError(damage);
        }

        @Override
        public WalVerifier.Again fetchAgain(WalVerifier.Damage damage, Lsn from, Lsn end) {
            return WalVerifier.Again.SAME;
        }

        @Override
        public void lasting(WalVerifier.Damage damage, WalVerifier.Again why) {
            throw new AssertionError(damage);
        }
    };

    @TempDir
    private Path directory;

    @Test
    void whoComesLaterHasNothingBefore() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            LagHistory history = new LagHistory(relay.state());
            history.sample();
            relay.state().standbys().join(42, () -> KnownRelay.standby(42, "late"));
            history.sample();
            LagHistory.Report report = history.report();
            assertEquals(List.of(KnownRelay.NOW.getEpochSecond(), KnownRelay.NOW.getEpochSecond()), report.at());
            assertEquals(List.of(Optional.of(0x1010000L), Optional.of(0x1010000L)), report.written());
            assertEquals(List.of("a", "late"), report.standbys().stream().map(LagHistory.Standby::name).toList());
            LagHistory.Standby late = report.standbys().getLast();
            assertEquals(List.of(Optional.empty(), Optional.of(0x4000L)), late.replayBytes());
            assertEquals(List.of(Optional.empty(), Optional.of(0x1000L)), late.writeBytes());
            assertEquals(List.of(Optional.empty(), Optional.of(0.005)), late.writeSeconds());
            assertEquals(List.of(Optional.empty(), Optional.empty()), late.replaySeconds(), "not measured");
        }
    }

    @Test
    void whoseTheWalIsHasAColumnForEachResourceManager() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            WalCache cache = relay.state().cache().orElseThrow();
            LagHistory history = new LagHistory(relay.state());
            history.sample();
            try (WalVerifier verifier = cache.verifier(KnownRelay.BEGAN, NO_DAMAGE)) {
                verifier.start();
                Await.until("records to be read", Duration.ofSeconds(20), () -> cache.byManager().counts(), counts -> !counts.isEmpty());
            }
            history.sample();
            LagHistory.Report report = history.report();
            List<String> names = cache.byManager().counts().stream().map(Changes.ManagerStatistics::resourceManager).sorted().toList();
            assertEquals(names, report.managers().stream().map(LagHistory.Manager::name).toList());
            for (LagHistory.Manager manager : report.managers()) {
                assertEquals(Optional.empty(), manager.bytes().getFirst(), "nothing was counted then");
                assertTrue(manager.bytes().getLast().orElseThrow() > 0, manager::toString);
                assertEquals(2, manager.imageBytes().size());
            }
        }
    }

    @Test
    void itsSizeIsBounded() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            for (int pid = 100; pid < 300; pid++) {
                int id = pid;
                relay.state().standbys().join(pid, () -> KnownRelay.standby(id, "standby" + id));
            }
            LagHistory history = new LagHistory(relay.state());
            for (int i = 0; i < 400; i++) {
                history.sample();
            }
            assertEquals(360, history.report().at().size());
            assertEquals(LagHistory.MOST_STANDBYS, history.report().standbys().size());
        }
    }

    @Test
    void standbysThatComeByNewNamesEachTimeMakeItNoLarger() throws Exception {
        try (KnownRelay relay = KnownRelay.streaming(directory)) {
            LagHistory history = new LagHistory(relay.state());
            for (int i = 0; i < 100; i++) {
                for (int pid = 100; pid < 140; pid++) {
                    int id = pid;
                    String name = "standby-%d-%d".formatted(i, pid);
                    relay.state().standbys().join(pid, () -> KnownRelay.standby(id, name));
                }
                history.sample();
                IntStream.range(100, 140).forEach(relay.state().standbys()::leave);
            }
            LagHistory.Report report = history.report();
            assertEquals(100, report.at().size());
            assertEquals(LagHistory.MOST_STANDBYS, report.standbys().size());
            assertTrue(report.standbys().stream().allMatch(standby -> standby.replayBytes().size() == 100));
        }
    }

    @Test
    void withoutWalThereAreTimesOnly() {
        LagHistory history = new LagHistory(KnownRelay.empty().state());
        history.sample();
        assertEquals(List.of(Optional.empty()), history.report().written());
        assertTrue(history.report().standbys().isEmpty());
    }
}
