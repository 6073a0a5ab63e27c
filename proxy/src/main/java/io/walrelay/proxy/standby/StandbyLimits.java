package io.walrelay.proxy.standby;

import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.proxy.config.StandbySettings;
import io.walrelay.proxy.state.Admitted;
import java.time.Duration;

/**
 * What a standby session is held to.
 *
 * @param authenticationTimeout from the connection to the end of its handshake (PostgreSQL: authentication_timeout)
 * @param senderTimeout how long a streaming standby may be silent (PostgreSQL: wal_sender_timeout)
 * @param maxSessions sessions that are logged in at a time
 * @param aheadWait how long one that asks for a position ahead of the relay is kept waiting for it
 * @param maxWriteRate at most how many times a second a session near the end of WAL is written to
 */
public record StandbyLimits(
        Duration authenticationTimeout, Duration senderTimeout, int maxSessions, Duration aheadWait, int maxWriteRate) {

    public StandbyLimits {
        if (authenticationTimeout.isNegative() || authenticationTimeout.isZero() || senderTimeout.isNegative() || senderTimeout.isZero()) {
            throw new IllegalArgumentException("timeouts of %s and %s; expected more than nothing".formatted(authenticationTimeout, senderTimeout));
        }
        if (maxSessions < 1 || maxWriteRate < 1) {
            throw new IllegalArgumentException("%d sessions, %d writes a second; expected at least 1".formatted(maxSessions, maxWriteRate));
        }
    }

    /** How many sessions there may be when one of {@code kind} logs in: those that go on upstream leave a quarter to standbys. */
    int maxSessions(SessionKind kind) {
        return kind == SessionKind.PHYSICAL_REPLICATION ? maxSessions : Admitted.limitOfOthers(maxSessions);
    }

    /** PostgreSQL's defaults where the settings say nothing. */
    public static StandbyLimits of(StandbySettings settings) {
        return new StandbyLimits(
                Duration.ofSeconds(60), Duration.ofSeconds(60), settings.maxSessions(), settings.aheadWait(), settings.maxWriteRate());
    }
}
