package io.walrelay.proxy.containers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.scenario.Ledger;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** The {@link Picture} when nothing fails, what its relay may do, and how the relay ends when it is told to. */
@Tag("containers")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(300)
final class PictureContainersIT {

    /** {@code stop_grace_period} of the file, and more than {@code standbys.stop-timeout}. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** A JVM whose shutdown hooks have run says 128 and SIGTERM; SIGKILL would be 137. */
    private static final long TERMINATED = 143;

    @AutoClose
    private Picture picture;

    @BeforeAll
    void start() throws SQLException {
        picture = Picture.start();
    }

    @Test
    void bothStandbysReplayAllThatIsCommitted() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 200);
            picture.assertNothingIsMissing(ledger);
        }
    }

    @Test
    void theRelayHasNoRightsAndWritesToItsVolumeOnly() {
        String facts = picture.relay().shell(
                "while read -r name value _; do echo \"$name $value\"; done </proc/1/status; echo >/x; echo >/opt/x; echo >/var/lib/walrelay/x && echo volume");

        assertTrue(facts.contains("Uid: 10001\n"), facts);
        assertTrue(facts.contains("CapEff: 0000000000000000\n"), facts);
        assertTrue(facts.contains("NoNewPrivs: 1\n"), facts);
        assertTrue(facts.contains("cannot create /x: Read-only file system"), facts);
        assertTrue(facts.contains("cannot create /opt/x: Read-only file system"), facts);
        assertTrue(facts.contains("volume\n"), facts);
    }

    /** Under load: what it has is handed out before it ends, and commits that waited for it go on when it is back. */
    @Test
    void aRelayThatIsToldToStopHandsOutWhatItHas() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            long status = picture.relay().stop(PATIENCE);
            long confirmed = ledger.confirmed();
            assertEquals(TERMINATED, status);
            picture.one().awaitRow(confirmed, Picture.LIMIT);
            picture.two().awaitRow(confirmed, Picture.LIMIT);
            picture.awaitWaitingCommit();

            picture.relay().start();
            picture.awaitCommits(ledger, 50);
            picture.assertNothingIsMissing(ledger);
        }
    }
}
