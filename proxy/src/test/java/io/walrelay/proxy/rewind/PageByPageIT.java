package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.awaitRelay;
import static io.walrelay.proxy.rewind.TwoServers.pgRewind;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.startAfterRewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static io.walrelay.proxy.rewind.TwoServers.stopAtOneEnd;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.rewind.datadir.RefusedException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One directory, copied, is rewound by pg_rewind, which fetches all blocks and WAL, and by us with a relay, which leaves to the replay what that
 * writes whole. After both have replayed to the same end every page is equal.
 *
 * <pre>
 *   old   1 ──C──┬── work ─╳─┬─ rewound with the relay ──▶ ─╳  ═╗
 *   twin         │           └─ copied, pg_rewind ───────▶ ─╳  ═╬═ equal, page by page
 *   new          └─2── work ────────────────── some more ──╳  ═╝
 * </pre>
 */
class PageByPageIT {

    private static final Logger log = LoggerFactory.getLogger(PageByPageIT.class);

    /**
     * Of the database that was copied as files. When that is replayed its template has pages already that were changed after the copy, since they
     * were fetched: so it is with pg_rewind, too, and with a base backup, where PostgreSQL documents it (CREATE DATABASE; dbcommands.c).
     */
    private static final String COPIED_DATABASE = "base/1000000/";

    @TempDir
    private Path directory;

    @Test
    void whatWeLeaveToTheReplayBecomesWhatPgRewindCopies() throws IOException, RefusedException, SQLException {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        log.info("-Dwalrelay.seed={}", seed);
        Programs programs = Programs.version(Integer.getInteger("walrelay.postgresql", 15));
        ManyKindsOfWork work = new ManyKindsOfWork(programs, new Random(seed));
        try (TwoServers servers = TwoServers.of(programs.server());
                RelayProcess relay = TwoServers.relayBehind(servers.standby, directory.resolve("relay"))) {
            LocalPostgres old = servers.old;
            LocalPostgres now = servers.standby;
            work.prepare(old);
            servers.awaitReplay(old, now);
            promote(now);
            work.run(now, "new");
            work.run(old, "old");
            stop(old);
            awaitRelay(now);
            // Or one of the two might find pages written that the other did not.
            now.execute("CHECKPOINT");
            try (LocalPostgres twin = TwoServers.copyOf(old, now, "twin")) {
                pgRewind(programs, twin, now);
                Programs.Result result = TwoServers.rewindThrough(relay, old, now);
                assertTrue(TwoServers.skippedBlocks(result) > 200, result.output());

                startAfterRewind(twin);
                old.start();
                work.changeRows(now);
                stopAtOneEnd(now, old, twin);

                RelationPages ours = new RelationPages(old.dataDirectory());
                RelationPages theirs = new RelationPages(twin.dataDirectory());
                assertEquals(EnumSet.allOf(MaskedPage.Kind.class), ours.kinds().keySet());
                assertEquals(List.of(), ours.differences(theirs));
                List<String> fromPrimary = ours.differencesFromPrimary(new RelationPages(now.dataDirectory()));
                assertEquals(List.of(), fromPrimary.stream().filter(page -> !page.startsWith(COPIED_DATABASE)).toList());
            }
        }
    }
}
