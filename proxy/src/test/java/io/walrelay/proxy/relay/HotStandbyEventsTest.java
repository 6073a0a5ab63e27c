package io.walrelay.proxy.relay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.cache.HotStandbyNeeds.Parameters;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalLevel;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class HotStandbyEventsTest {

    private static final ServerParameters DEFAULT = new ServerParameters(100, 8, 10, 0, 64, WalLevel.REPLICA, false, false);

    private static List<String> told(Optional<ServerParameters> before, ServerParameters now) {
        Events events = new Events(Clock.systemUTC());
        new HotStandbyEvents(events)
                .parametersChanged(before.map(values -> new Parameters(Lsn.INVALID, Optional.empty(), values)), new Parameters(Lsn.parse("0/3000110"), Optional.empty(), now));
        return events.recent().stream().map(HotStandbyEventsTest::text).toList();
    }

    private static String text(Event event) {
        return "%s %s: %s".formatted(event.severity(), event.kind(), event.text());
    }

    @Test
    void whatIsRaisedIsAWarningWithTheCommand() {
        assertEquals(
                List.of("WARNING parameter-change: at 0/3000110 the primary's settings change: max_connections from 100 to 200, max_worker_processes from 8 to 4, max_locks_per_transaction from 64 to 128."
                        + " A hot standby must have max_connections = 200, max_locks_per_transaction = 128 or more before it replays that position: one that has less pauses there (14 and later), or shuts down (13),"
                        + " until it is restarted with \"ALTER SYSTEM SET max_connections = 200; ALTER SYSTEM SET max_locks_per_transaction = 128\""),
                told(Optional.of(DEFAULT), new ServerParameters(200, 4, 10, 0, 128, WalLevel.REPLICA, false, false)));
    }

    @Test
    void whatIsLoweredIsNews() {
        assertEquals(
                List.of("INFO parameter-change: at 0/3000110 the primary's settings change: max_connections from 100 to 50, wal_log_hints from off to on"),
                told(Optional.of(DEFAULT), new ServerParameters(50, 8, 10, 0, 64, WalLevel.REPLICA, true, false)));
    }

    @Test
    void whereWalLevelFallsIsSaidWhatEndsThere() {
        List<String> minimal = told(Optional.of(DEFAULT), new ServerParameters(100, 8, 10, 0, 64, WalLevel.MINIMAL, false, false));
        assertEquals(
                List.of("INFO parameter-change: at 0/3000110 the primary's settings change: wal_level from replica to minimal",
                        "ERROR wal-level-lowered: at 0/3000110 the primary's wal_level went from replica to minimal: standbys and recoveries from an archive end there, and what follows may not be whole. Make a new base backup, and standbys from it"),
                minimal);
        ServerParameters logical = new ServerParameters(100, 8, 10, 0, 64, WalLevel.LOGICAL, false, false);
        assertEquals(
                "WARNING wal-level-lowered: at 0/3000110 the primary's wal_level went from logical to replica: logical slots on standbys (16 and later) are invalidated there",
                told(Optional.of(logical), DEFAULT).getLast());
        assertEquals(1, told(Optional.of(DEFAULT), logical).size(), "raised");
    }

    @Test
    void theFirstThatAreKnownAreListed() {
        assertEquals(
                List.of("INFO parameter-change: from 0/3000110 on the primary's settings are: max_connections = 100, max_worker_processes = 8, max_wal_senders = 10,"
                        + " max_prepared_transactions = 0, max_locks_per_transaction = 64, wal_level = replica, wal_log_hints = off, track_commit_timestamp = off"),
                told(Optional.empty(), DEFAULT));
    }
}
