package io.walrelay.proxy.containers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.scenario.Ledger;
import io.walrelay.wal.Lsn;
import java.sql.SQLException;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Each node of the {@link Picture} is killed under load, with its container: what is left of it is its volume, of the primary nothing.
 *
 * <pre>
 *   timeline 1  primary ─────────────╳ lost, while neither standby has the last commits
 *                        relay has ─●  what was confirmed
 *   timeline 2  standby1, by the relay └──────────  promoted when it has all of it; standby2 goes on
 * </pre>
 */
@Tag("containers")
@Timeout(300)
final class LossContainersIT {

    @AutoClose
    private Picture picture;

    @BeforeEach
    void start() throws SQLException {
        picture = Picture.start();
    }

    @Test
    void aStandbyAndTheRelayComeBackOnTheirVolumes() throws SQLException {
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            picture.one().lose();
            picture.awaitCommits(ledger, 50);
            picture.two().awaitRow(ledger.confirmed(), Picture.LIMIT);
            picture.one().start();
            picture.one().awaitRow(ledger.confirmed(), Picture.LIMIT);

            picture.relay().lose();
            picture.awaitWaitingCommit();
            picture.relay().start();
            picture.awaitCommits(ledger, 50);
            picture.assertNothingIsMissing(ledger);
        }
    }

    @Test
    void whatWasConfirmedSurvivesThePrimaryInTheRelay() throws SQLException {
        long confirmed;
        try (Ledger ledger = picture.load()) {
            picture.awaitCommits(ledger, 50);
            picture.relay().leave(picture.downstream());
            picture.awaitCommits(ledger, 50);
            picture.primary().lose();
            confirmed = ledger.end();
        }
        StatusReport alone = picture.relay().await("loss of its upstream", Picture.LIMIT, status -> !status.upstream().state().equals("streaming"));
        long before = Long.parseLong(picture.one().query(Ledger.HIGHEST));
        assertTrue(before < confirmed, () -> "the standby has row %d, %d was confirmed: the relay is not needed".formatted(before, confirmed));

        picture.relay().join(picture.downstream());
        picture.one().awaitReplay(Lsn.parse(alone.upstream().acknowledged().orElseThrow()), Picture.LIMIT);
        picture.one().execute("SELECT pg_promote()");
        picture.one().awaitRow(confirmed, Picture.LIMIT);
        picture.one().execute("INSERT INTO ledger SELECT max(id) + 1, 'after' FROM ledger");

        Picture.assertEqualTo(picture.one(), picture.two());
        assertEquals("t", picture.two().query("SELECT count(*) = max(id) FROM ledger"), "no row is missing");
        StatusReport after = picture.relay().awaitStreaming("standby1", Picture.LIMIT);
        assertTrue(after.wal().orElseThrow().orphans().isEmpty(), after::toString);
    }
}
