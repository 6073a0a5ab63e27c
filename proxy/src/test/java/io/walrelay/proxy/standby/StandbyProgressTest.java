package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.protocol.replication.FromStandby.StandbyStatusUpdate;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.WrittenTimes;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StandbyProgressTest {

    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");
    private static final Lsn END = Lsn.parse("0/2000000");

    private final LagTracker lags = new LagTracker();
    private final StandbyProgress progress =
            new StandbyProgress(new SessionIdentity(1, "repl", "10.0.0.7", "10.0.0.7:5000", "one", false), NOW, new WrittenTimes());

    private StandbyStatus after(Lsn written, Lsn flushed, Lsn applied, Duration time) {
        progress.reply(new StandbyStatusUpdate(written, flushed, applied, 0, false), lags, time.toNanos(), NOW);
        return progress.look();
    }

    /** A relay, or pg_receivewal: an alert on the lag of replay would never end. */
    @Test
    void whoReplaysNothingIsNotLateWithIt() {
        lags.sent(END, 0);
        StandbyStatus receiver = after(END, END, Lsn.INVALID, Duration.ofSeconds(2));
        assertEquals(Optional.of(Duration.ofSeconds(2)), receiver.writeLag());
        assertEquals(Optional.of(Duration.ofSeconds(2)), receiver.flushLag());
        assertEquals(Optional.empty(), receiver.replayLag());
        assertEquals(Optional.empty(), after(END, END, Lsn.INVALID, Duration.ofMinutes(10)).replayLag());
    }

    /** What it does not report keeps no samples: or those of what it reports would be lost when there are more than are kept. */
    @Test
    void whoReplaysNothingIsAsLateWithTheRestAsItIs() {
        Lsn first = END;
        lags.sent(first, 0);
        after(first, first, Lsn.INVALID, Duration.ofMillis(1));
        for (int i = 1; i <= 5000; i++) {
            lags.sent(END.plus(8L * i), i * 1_000_000L);
            after(first.plus(8L * (i - Math.min(i, 1000))), first, Lsn.INVALID, Duration.ofMillis(i));
        }
        assertEquals(Optional.of(Duration.ofSeconds(1)), after(END.plus(8L * 4000), first, Lsn.INVALID, Duration.ofSeconds(5)).writeLag());
    }

    @Test
    void whoReplaysIsLateUntilItHas() {
        lags.sent(END, 0);
        assertEquals(Optional.of(Duration.ofMinutes(1)), after(END, END, END.plus(-8), Duration.ofMinutes(1)).replayLag());
    }
}
