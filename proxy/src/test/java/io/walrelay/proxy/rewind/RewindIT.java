package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.rewind;
import static io.walrelay.proxy.rewind.TwoServers.startAfterRewind;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static io.walrelay.proxy.rewind.TwoServers.who;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.Servers;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The two situations of practice, one after the other, on each version.
 *
 * <pre>
 *   old  1 ──┬── old went on ─╳  rewound: follows ─────────╳ promoted by mistake, wrote ─╳  rewound: follows again
 *   new      └─2── promoted, wrote ──────────────────────────────────────────────────────────▶
 *                                                          └─3── only old
 * </pre>
 */
class RewindIT {

    @ParameterizedTest
    @MethodSource("io.walrelay.proxy.testkit.Servers#versions")
    void aServerThatWentItsOwnWayFollowsAgain(int major) {
        try (TwoServers servers = TwoServers.of(Servers.version(major))) {
            LocalPostgres old = servers.old;
            LocalPostgres now = servers.standby;
            becomePrimary(servers, major);
            diverge(now, "new");
            diverge(old, "old");
            // A crash on every other version: nothing is started on the target for it.
            if (major % 2 == 0) {
                old.kill();
            } else {
                stop(old);
            }

            Programs.Result first = rewind(old, "--source-server", now.conninfo(), "-R", "--format", "json");

            assertEquals(0, first.status(), first.output());
            assertTrue(first.output().contains("servers diverged at WAL location"), first.output());
            assertTrue(first.output().contains("\"outcome\":\"rewound\""), first.output());
            assertEquals(isBusy(major), first.output().contains("it has made none since it was promoted to timeline 2; run CHECKPOINT there"), first.output());
            assertEquals(isBusy(major), first.output().contains("\"checkpoint_suggested\":\"it has made none"), first.output());
            startAfterRewind(old);
            servers.awaitFollowing(now, old);
            assertEquals("after both new", who(old));
            assertEquals(content(now), content(old));

            promote(old);
            diverge(old, "mistake");
            diverge(now, "newer");
            stop(old);

            Programs.Result second = rewind(old, "--source-server", now.conninfo(), "-R", "--debug");

            assertEquals(0, second.status(), second.output());
            startAfterRewind(old);
            servers.awaitFollowing(now, old);
            assertEquals("after both new newer", who(old));
            assertEquals(content(now), content(old));
            assertEquals("0", old.query("SELECT count(*) FROM pg_class WHERE relname = 'only_mistake'"));
        }
    }

    /** On these the new primary has so much to write that its first checkpoint, which takes its time, is not done when it is a source. */
    private static boolean isBusy(int major) {
        return major % 2 == 1;
    }

    private static void becomePrimary(TwoServers servers, int major) {
        if (isBusy(major)) {
            servers.old.execute("CREATE TABLE much AS SELECT i, repeat('x', 500) AS filler FROM generate_series(1, 10000) i");
            servers.awaitReplay(servers.old, servers.standby);
            servers.standby.promote();
        } else {
            promote(servers.standby);
        }
    }
}
