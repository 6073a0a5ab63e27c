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
            promote(now);
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
}
