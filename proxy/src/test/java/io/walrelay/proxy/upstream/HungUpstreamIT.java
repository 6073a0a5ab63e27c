package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An upstream that falls silent at one point of START_REPLICATION while its connection stays. */
@Timeout(90)
class HungUpstreamIT {

    @TempDir
    private Path directory;

    private static LinkTiming receiver(Duration limit) {
        LinkTiming quick = TestLink.QUICK;
        return new LinkTiming(
                quick.connect(), quick.answer(), limit, quick.status(), quick.look(), quick.firstRetry(), quick.lastRetry(), quick.gap());
    }

    @Test
    void oneThatHangsBeforeItStreamsIsDroppedAndAskedAgain() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                HangingServer upstream = HangingServer.inFrontOf(primary.port())) {
            upstream.hang(HangingServer.At.BEFORE_COPY_BOTH);
            try (TestLink relay = TestLink.start(directory.resolve("data"), upstream.conninfo(), receiver(Duration.ofSeconds(2)))) {
                upstream.awaitHanging();
                relay.awaitEvent("upstream-lost");
                assertTrue(relay.events().toString().contains("no message for 2 s"), relay.events()::toString);
                upstream.hang(HangingServer.At.NEVER);
                relay.awaitStreaming();
                relay.awaitAllOf(primary);
            }
        }
    }

    @Test
    void oneThatHangsWhenItsTimelineEndsIsDroppedAndAskedAgain() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().start();
                HangingServer upstream = HangingServer.inFrontOf(standby.port());
                TestLink relay = TestLink.start(directory.resolve("data"), upstream.conninfo(), receiver(Duration.ofSeconds(2)))) {
            relay.awaitStreaming();
            upstream.hang(HangingServer.At.AFTER_COPY_DONE);
            primary.stop(StopMode.FAST);
            standby.promote();
            upstream.awaitHanging();
            relay.awaitEvent("upstream-lost");
            assertTrue(relay.events().toString().contains("no message for 2 s"), relay.events()::toString);
            standby.execute("CREATE TABLE t (i int)");
            relay.awaitAllOf(standby);
            assertEquals(standby.timeline(), relay.cache().end().lineage().timeline());
        }
    }

    /**
     * <pre>
     *   timeline 1  ────────●      the primary's machine hangs while the relay asks it for WAL, and answers nobody
     *                       └──── timeline 2: the standby
     * </pre>
     */
    @Test
    void oneThatHasNotBegunToStreamCountsForNothingWhenItDoesNotAnswer() throws IOException {
        try (LocalPostgres primary = LocalPostgres.of(Servers.version(15)).start();
                LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo()).copyWal().start();
                HangingServer upstream = HangingServer.inFrontOf(primary.port())) {
            String both = "host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres sslmode=disable".formatted(upstream.port(), standby.port());
            try (TestLink relay = TestLink.start(directory.resolve("data"), both, receiver(Duration.ofMinutes(10)))) {
                relay.awaitStreaming();
                standby.awaitReplay(relay.awaitAllOf(primary), TestLink.SOON);
                upstream.hang(HangingServer.At.BEFORE_COPY_BOTH);
                primary.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = 'relay_1'");
                upstream.awaitHanging();
                upstream.refuse();
                primary.stop(StopMode.IMMEDIATE);
                standby.promote();
                relay.awaitAllOf(standby);
                assertEquals("127.0.0.1:" + standby.port(), relay.state.upstream().host().orElse(""));
            }
        }
    }
}
