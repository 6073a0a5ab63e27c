package io.walrelay.proxy.containers;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.scenario.Ledger;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/**
 * Each edge of the {@link Picture} is cut and each node is frozen, under load, for longer than the {@code wal_sender_timeout} of 5 s.
 *
 * <pre>
 *   primary ──╳── relay            commits wait, and go on afterwards
 *                 relay ──╳── one  commits go on, two has them; one catches up
 * </pre>
 */
@Tag("containers")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(300)
final class PartitionContainersIT {

    private static final Duration SENDER_TIMEOUT = Duration.ofSeconds(5);
    private static final String SENDERS = "SELECT count(*) FROM pg_stat_replication";
    private static final String RECEIVERS = "SELECT count(*) FROM pg_stat_wal_receiver";

    @AutoClose
    private Picture picture;

    @BeforeAll
    void start() throws SQLException {
        picture = Picture.start();
    }

    @Test
    void commitsWaitWhileTheRelayIsPartedFromThePrimary() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            picture.relay().leave(picture.upstream());
            picture.awaitWaitingCommit();
            picture.primary().awaitAnswer(SENDERS, "0", Picture.LIMIT);
            picture.relay().await("loss of its upstream", Picture.LIMIT, status -> !status.upstream().state().equals("streaming"));
            bothHave(ledger.confirmed());

            picture.relay().join(picture.upstream());
            picture.awaitCommits(ledger, 50);
            picture.assertNothingIsMissing(ledger);
        }
    }

    @Test
    void commitsGoOnWhileAStandbyIsPartedFromTheRelay() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            picture.one().leave(picture.downstream());
            picture.one().awaitAnswer(RECEIVERS, "0", Picture.LIMIT);
            picture.awaitCommits(ledger, 50);
            picture.two().awaitRow(ledger.confirmed(), Picture.LIMIT);
            assertTrue(highest(picture.one()) < ledger.confirmed(), "standby1 is parted");

            picture.one().join(picture.downstream());
            picture.assertNothingIsMissing(ledger);
        }
    }

    @Test
    void commitsGoOnWhileTheRelayIsPartedFromAllStandbys() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            picture.relay().leave(picture.downstream());
            picture.one().awaitAnswer(RECEIVERS, "0", Picture.LIMIT);
            picture.two().awaitAnswer(RECEIVERS, "0", Picture.LIMIT);
            picture.awaitCommits(ledger, 50);

            picture.relay().join(picture.downstream());
            picture.assertNothingIsMissing(ledger);
        }
    }

    @Test
    void commitsWaitForARelayThatIsPaused() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            picture.relay().pause();
            picture.awaitWaitingCommit();
            // It answers nothing, and is taken for dead.
            picture.primary().awaitAnswer(SENDERS, "0", Picture.LIMIT);

            picture.relay().goOn();
            picture.awaitCommits(ledger, 50);
            picture.assertNothingIsMissing(ledger);
        }
    }

    @Test
    void aPrimaryThatWasPausedIsFollowedOn() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            picture.primary().pause();
            // When it wakes up it takes the relay for dead, which it is not.
            picture.relay().await("silence of its upstream", Picture.LIMIT, PartitionContainersIT::isSilent);
            bothHave(ledger.confirmed());

            picture.primary().goOn();
            picture.awaitCommits(ledger, 50);
            picture.assertNothingIsMissing(ledger);
        }
    }

    @Test
    void nobodyWaitsForAStandbyThatIsPaused() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            picture.one().pause();
            // The relay's own wal_sender_timeout is a minute.
            picture.relay().await("end of the session of standby1", Picture.LIMIT, status -> !isActive("standby1", status));
            picture.awaitCommits(ledger, 50);
            picture.two().awaitRow(ledger.confirmed(), Picture.LIMIT);

            picture.one().goOn();
            picture.assertNothingIsMissing(ledger);
        }
    }

    private void bothHave(long row) {
        picture.one().awaitRow(row, Picture.LIMIT);
        picture.two().awaitRow(row, Picture.LIMIT);
    }

    private static boolean isActive(String slot, StatusReport status) {
        return status.slots().stream().anyMatch(s -> s.name().equals(slot) && s.activePid().isPresent());
    }

    private static boolean isSilent(StatusReport status) {
        return status.upstream().lastMessage().filter(last -> Duration.between(last, status.at()).compareTo(SENDER_TIMEOUT.multipliedBy(2)) > 0).isPresent();
    }

    private static long highest(PostgresNode server) throws SQLException {
        return Long.parseLong(server.query(Ledger.HIGHEST));
    }
}
