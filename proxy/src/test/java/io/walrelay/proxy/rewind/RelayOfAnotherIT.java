package io.walrelay.proxy.rewind;

import static io.walrelay.proxy.rewind.TwoServers.LIMIT;
import static io.walrelay.proxy.rewind.TwoServers.awaitRelay;
import static io.walrelay.proxy.rewind.TwoServers.content;
import static io.walrelay.proxy.rewind.TwoServers.diverge;
import static io.walrelay.proxy.rewind.TwoServers.promote;
import static io.walrelay.proxy.rewind.TwoServers.relayBehind;
import static io.walrelay.proxy.rewind.TwoServers.rewindThrough;
import static io.walrelay.proxy.rewind.TwoServers.stop;
import static io.walrelay.proxy.rewind.TwoServers.who;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.proxy.testkit.WalrelayCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A relay that follows another server than the one which the target is to follow: its WAL must not be taken for the source's, nor for the target's. */
class RelayOfAnotherIT {

    @TempDir
    private Path directory;

    /**
     * The relay has gone over to the server that was promoted by mistake; a server that is rewound onto the right one would be sent the mistake again.
     *
     * <pre>
     *   old   1 ─────┬─────▶ the source
     *   new          └─2─╳   the target
     *   relay 1 ─────┴─2──▶
     * </pre>
     */
    @Test
    void aRelayThatFollowsTheTargetIsRefusedBeforeAnythingIsTouched() throws IOException, InterruptedException {
        try (TwoServers servers = TwoServers.of(Servers.version(15));
                RelayProcess relay = relayBehind(servers.standby, directory.resolve("relay"))) {
            LocalPostgres mistaken = servers.standby;
            promote(mistaken);
            diverge(mistaken, "mistake");
            awaitRelay(mistaken);
            diverge(servers.old, "right");
            stop(mistaken);

            Programs.Result result = rewindThrough(relay, mistaken, servers.old);

            assertNotEquals(0, result.status(), result.output());
            assertTrue(result.output().contains("where the relay's history left that timeline for 2") && result.output().contains("walrelay follow"), result.output());
            mistaken.start();
            assertEquals("both mistake", who(mistaken));
            stop(mistaken);

            assertEquals(0, WalrelayCommand.run(LIMIT, Map.of(), "follow", "--relay", relay.url(), "127.0.0.1:" + servers.old.port()).status());
            awaitRelay(servers.old);
            assertRewound(servers, rewindThrough(relay, mistaken, servers.old));
            String timelines = relay.get("/api/v1/timelines").body();
            assertTrue(timelines.contains("\"state\":\"orphan"), timelines);
        }
    }

    /** It holds what both servers share all the same, and so fills a hole in the target's WAL. */
    @Test
    void aRelayThatNeverSawTheTargetsTimelineHasWhatIsShared() throws IOException {
        try (TwoServers servers = TwoServers.of(Servers.version(15));
                RelayProcess relay = relayBehind(servers.old, directory.resolve("relay"))) {
            for (int i = 0; i < 3; i++) {
                servers.old.execute("INSERT INTO t SELECT 'both', i, repeat('z', 100) FROM generate_series(1, 100) i", "SELECT pg_switch_wal()");
            }
            servers.awaitReplay(servers.old, servers.standby);
            promote(servers.standby);
            diverge(servers.standby, "mistake");
            diverge(servers.old, "right");
            awaitRelay(servers.old);
            stop(servers.standby);
            Files.delete(servers.standby.dataDirectory().resolve("pg_wal/000000010000000000000004"));

            assertRewound(servers, rewindThrough(relay, servers.standby, servers.old));
        }
    }

    private static void assertRewound(TwoServers servers, Programs.Result result) {
        assertEquals(0, result.status(), result.output());
        servers.standby.start();
        servers.old.execute("INSERT INTO t VALUES ('after', 1, '')");
        servers.awaitReplay(servers.old, servers.standby);
        assertEquals(content(servers.old), content(servers.standby));
        assertEquals("after both right", who(servers.standby));
    }

    /**
     * Two servers took timeline 2 at one point, and nothing but their bytes tells them apart.
     *
     * <pre>
     *   old    1 ─────╳─2─▶ this, the source, with a relay
     *                 └─2─╳ that, the target, with another
     * </pre>
     */
    @Test
    void aTimelineWhoseNumberWasTakenTwiceIsNotMistakenForTheOther() throws IOException {
        try (TwoServers servers = TwoServers.of(Servers.version(15));
                LocalPostgres target = LocalPostgres.standbyOf(servers.old, servers.old.conninfo()).name("that").start()) {
            LocalPostgres source = servers.standby;
            Await.until("two standbys", LIMIT, () -> servers.old.query("SELECT count(*) FROM pg_stat_replication"), "2"::equals);
            stop(servers.old);
            promote(source);
            promote(target);
            assertEquals(source.timeline(), target.timeline());
            try (RelayProcess sources = relayBehind(source, directory.resolve("sources"));
                    RelayProcess targets = relayBehind(target, directory.resolve("targets"))) {
                // Each has a whole segment of its own timeline 2, and goes on in another.
                for (LocalPostgres server : new LocalPostgres[] {source, target}) {
                    server.execute("SELECT pg_switch_wal()");
                    diverge(server, server == source ? "this" : "that");
                    server.execute("SELECT pg_switch_wal()");
                    diverge(server, server == source ? "this2" : "that2");
                    awaitRelay(server);
                }
                stop(target);

                Programs.Result wrong = rewindThrough(targets, target, source);
                assertNotEquals(0, wrong.status(), wrong.output());
                assertTrue(wrong.output().contains("the relay's WAL is not the source's: timeline 2 of the source"), wrong.output());

                // The relay has a segment of this name, but it is not the target's.
                Path hole = target.dataDirectory().resolve("pg_wal/000000020000000000000004");
                Path aside = directory.resolve("aside");
                Files.move(hole, aside);
                Programs.Result missing = rewindThrough(sources, target, source);
                assertNotEquals(0, missing.status(), missing.output());
                assertTrue(missing.output().contains("could not"), missing.output());
                Files.move(aside, hole);

                Programs.Result result = rewindThrough(sources, target, source);
                assertEquals(0, result.status(), result.output());
                target.start();
                source.execute("INSERT INTO t VALUES ('after', 1, '')");
                servers.awaitReplay(source, target);
                assertEquals(content(source), content(target));
                assertEquals("after both this this2", who(target));
            }
        }
    }
}
