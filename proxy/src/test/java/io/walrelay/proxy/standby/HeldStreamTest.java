package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.replication.FromServer;
import io.walrelay.proxy.config.ByteSize;
import io.walrelay.proxy.config.NamedStandby;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.shaping.Shaping;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Streams that are held back. */
final class HeldStreamTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final Lsn START = Lsn.parse("0/1000000");
    private static final long RATE = 512 << 10;

    /** The shortest tick: what is due is looked at every 5 ms. */
    private static final StandbyLimits LIMITS = new StandbyLimits(Duration.ofSeconds(5), Duration.ofSeconds(5), 100, Duration.ofSeconds(60), 100);

    @TempDir
    private Path data;

    private static WalCraft craft(int records) {
        return WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), START, 1).randomRecords(records, 8_000);
    }

    private RelayFixture relay(WalCraft wal, NamedStandby... named) throws Exception {
        RelayFixture relay = RelayFixture.trusting(data.resolve("wal"), wal, LIMITS);
        relay.state().setShaping(Shaping.load(List.of(named), new DurableFiles(new PosixStorage(data)), Clock.systemUTC()));
        return relay;
    }

    private static StandbyStatus status(RelayFixture relay) {
        return relay.state().standbys().all().getFirst();
    }

    private static void awaitHeld(RelayFixture relay, Optional<Hold.Why> why) {
        Await.until("the stream to be " + why, LIMIT, () -> status(relay).held().map(Hold::why), why::equals);
    }

    @Test
    void aPausedStandbyHearsWhereWalEndsAndGetsWhatIsReleased() throws Exception {
        WalCraft wal = craft(100);
        Lsn middle = wal.recordEnds().get(60);
        try (RelayFixture relay = relay(wal)) {
            relay.state().shaping().pause("one");
            try (FakeStandby standby = FakeStandby.login(relay.address(), "one")) {
                standby.start("0/1000000");
                awaitHeld(relay, Optional.of(Hold.Why.PAUSED));
                assertEquals(START, status(relay).sent());
                assertEquals(StandbyStatus.State.CATCHUP, status(relay).state());
                standby.reply(START, START, START, true);
                assertEquals(wal.end(), standby.keepalive().end());
                relay.state().shaping().release(relay.cache(), "one", Optional.of(middle));
                assertArrayEquals(wal.bytes(START, middle), standby.receiveUntil(START, middle));
                awaitHeld(relay, Optional.of(Hold.Why.PAUSED));
                assertEquals(middle, status(relay).sent());
                relay.state().shaping().resume("one");
                assertArrayEquals(wal.bytes(), standby.receiveUntil(START, wal.end()));
                awaitHeld(relay, Optional.empty());
                Await.until("the stream to have caught up", LIMIT, () -> status(relay).state(), StandbyStatus.State.STREAMING::equals);
            }
        }
    }

    /** Nothing would ever let it go else: the relay would not stop before standbys.stop-timeout. */
    @Test
    void aPausedStandbyDoesNotKeepTheRelayFromStopping() throws Exception {
        WalCraft wal = craft(100);
        try (RelayFixture relay = relay(wal)) {
            relay.state().shaping().pause("one");
            try (FakeStandby standby = FakeStandby.login(relay.address(), "one")) {
                standby.start("0/1000000");
                awaitHeld(relay, Optional.of(Hold.Why.PAUSED));
                standby.reply(START, START, START, false);
                Await.until("the reply", LIMIT, () -> status(relay).flushed(), START::equals);
                var _ = relay.server().stop(LIMIT);
                assertEquals("COPY 0", standby.expectAfterKeepalives(CommandComplete.class).tag());
            }
        }
    }

    /** What came in a time is bounded by the rate and one burst, however slow the machine is; and all comes. */
    @Test
    void aRateBoundsAllStreamsOfAStandbyTogether() throws Exception {
        WalCraft wal = craft(3_000);
        NamedStandby narrow = new NamedStandby("narrow", Optional.empty(), Optional.of(new ByteSize(RATE)), Optional.empty());
        long all = wal.end().minus(START);
        assertTrue(all > 2 * RATE, "%d bytes are no burst".formatted(all));
        try (RelayFixture relay = relay(wal, narrow);
                FakeStandby one = FakeStandby.login(relay.address(), "narrow");
                FakeStandby two = FakeStandby.login(relay.address(), "narrow")) {
            long began = System.nanoTime();
            one.start("0/1000000");
            two.start("0/1000000");
            awaitBound(relay, began, 4 * RATE, one, two);
            assertTrue(relay.state().standbys().all().stream().anyMatch(s -> s.held().map(Hold::why).equals(Optional.of(Hold.Why.LIMITED))));
            drain(one, wal);
        }
    }

    private static void awaitBound(RelayFixture relay, long began, long bytes, FakeStandby... standbys) {
        Await.until("%d bytes to be sent".formatted(bytes), LIMIT, () -> {
            for (FakeStandby standby : standbys) {
                // Who says nothing for as long is hung up on.
                standby.reply(START, START, START, false);
            }
            long sent = relay.state().standbys().sentBytes();
            double seconds = (System.nanoTime() - began) / (double) TimeUnit.SECONDS.toNanos(1);
            // Both may have taken their turn from what one look at the bucket showed.
            double most = 3 * RATE + seconds * RATE;
            assertTrue(sent <= most, () -> "%d bytes in %f s; expected at most %f".formatted(sent, seconds, most));
            return sent;
        }, sent -> sent >= bytes);
    }

    private static void drain(FakeStandby standby, WalCraft wal) throws IOException {
        Lsn at = START;
        while (at.isBefore(wal.end())) {
            if (standby.streamed() instanceof FromServer.XLogData part) {
                assertEquals(at, part.start());
                at = at.plus(part.wal().readableBytes());
                part.wal().release();
                assertTrue(at.equals(wal.end()) || at.value() % 8192 == 0, "a message ends at %s".formatted(at));
            }
        }
    }
}
