package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.testkit.KnownRelay;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LagHistoryTest {

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
