package io.walrelay.proxy.state;

import io.walrelay.proxy.shaping.Hold;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * One replication session, as a row of pg_stat_replication would show it. Positions are {@link Lsn#INVALID} until known.
 * The lags of what it confirms are how long it took from when the WAL could be sent, empty until measured (walsender.c, LagTracker).
 *
 * @param name application_name, or the client's address without port when there is none; the same all the session long
 * @param relay whether it is a relay, as it says
 * @param sentLag how long the relay has had the oldest WAL that was not sent yet; zero when all was; empty while nothing is streamed
 * @param addedDelay how long the newest WAL that was sent had waited for the pacing
 * @param waiting what its stream waits for
 * @param held why it is not sent all that there is, if it is held back
 */
public record StandbyStatus(
        int pid,
        String name,
        String user,
        String client,
        boolean relay,
        Optional<String> slot,
        State state,
        Instant since,
        Optional<TimelineId> timeline,
        Lsn sent,
        Lsn written,
        Lsn flushed,
        Lsn replayed,
        Optional<Duration> sentLag,
        Optional<Duration> writeLag,
        Optional<Duration> flushLag,
        Optional<Duration> replayLag,
        Optional<Instant> lastReply,
        Duration addedDelay,
        long sentBytes,
        Waiting waiting,
        Optional<Hold> held) {

    /** As pg_stat_replication.state. */
    public enum State {
        STARTUP,
        CATCHUP,
        STREAMING,
        STOPPING;

        /** In lower case, as PostgreSQL shows it. */
        @Override
        public String toString() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }
}
