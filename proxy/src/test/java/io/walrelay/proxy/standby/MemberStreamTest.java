package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A standby that the policy of acknowledgement names. */
class MemberStreamTest {

    private static final Lsn START = Lsn.parse("0/1000000");
    private static final Duration SOON = Duration.ofSeconds(10);

    @TempDir
    Path data;

    private final WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), START, 1).randomRecords(20, 300);

    private RelayFixture relay() throws Exception {
        return RelayFixture.trusting(data, wal, RelayFixture.LIMITS, AcknowledgePolicy.parse("all (a)"));
    }

    private static Acknowledgement look(RelayFixture relay) {
        return relay.state().acknowledging().look(relay.cache().end());
    }

    private static long warnings(RelayFixture relay) {
        return relay.state().events().recent().stream().filter(e -> e.kind().equals("member-without-slot")).count();
    }

    @Test
    void whatItConfirmsIsKnownAndTheWriterIsWokenAndWhatItReplaysItIsAskedFor() throws Exception {
        try (RelayFixture relay = relay();
                FakeStandby standby = FakeStandby.login(relay.address(), "one")) {
            relay.cache().writer().flush();
            relay.cache().slots().create("a", false, START, 1);
            AtomicInteger woken = new AtomicInteger();
            relay.state().acknowledging().onNews(woken::incrementAndGet);
            standby.start("SLOT a 0/1000000");
            standby.receiveUntil(START, wal.end());
            assertEquals(0, woken.get());
            standby.reply(wal.end(), wal.end(), START, false);
            Await.until("the writer to be woken", SOON, woken::get, seen -> seen == 1);
            assertEquals(new Positions(wal.end(), wal.end(), START), look(relay).positions());
            assertTrue(look(relay).members().getFirst().connected());
            assertTrue(standby.keepalive().replyRequested(), "it would say what it has replayed in ten seconds only");
            standby.reply(wal.end(), wal.end(), wal.end(), false);
            Await.until("the writer to be woken again", SOON, woken::get, seen -> seen == 2);
            assertEquals(new Positions(wal.end(), wal.end(), wal.end()), look(relay).positions());
            standby.socket().close();
            Await.until("it to be away", SOON, () -> look(relay).members().getFirst().connected(), connected -> !connected);
            assertEquals(wal.end(), look(relay).members().getFirst().confirmed().flush());
            assertEquals(0, warnings(relay));
        }
    }

    @Test
    void anAddressIsNoName() throws Exception {
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS, AcknowledgePolicy.parse("all (\"127.0.0.1\")"));
                FakeStandby nameless = FakeStandby.login(relay.address(), "")) {
            nameless.start("0/1000000");
            nameless.receiveUntil(START, wal.end());
            nameless.reply(wal.end(), wal.end(), wal.end(), true);
            nameless.keepalive();
            assertEquals(Positions.NONE, look(relay).members().getFirst().confirmed());
        }
    }

    /** It asks from the start of its segment, which is before the fork, and says that it has more than timeline 1 had then. */
    @Test
    void whatItHasPastTheEndOfAnOldTimelineCountsNeitherForItNorForItsSlot() throws Exception {
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(9)).randomRecords(20, 900);
        Lsn fork = two.history().begin();
        try (RelayFixture relay = relay();
                FakeStandby standby = FakeStandby.login(relay.address(), "a")) {
            relay.follow(two);
            relay.receive(two, two.end());
            relay.cache().slots().create("a", false, START, 1);
            standby.start("SLOT a 0/1000000 TIMELINE 1");
            standby.receiveUntil(START, fork);
            standby.expect(CopyDone.class);
            standby.reply(wal.end(), wal.end(), wal.end(), false);
            // The slot has heard it before.
            Await.until("the reply to be heard", SOON, () -> look(relay).members().getFirst().confirmed(), seen -> !seen.equals(Positions.NONE));
            assertEquals(new Positions(fork, fork, fork), look(relay).members().getFirst().confirmed());
            assertEquals(fork, relay.cache().slots().find("a").orElseThrow().restartLsn());
        }
    }

    @Test
    void oneWithoutItsSlotIsWarnedOfAndAStrangerIsNot() throws Exception {
        try (RelayFixture relay = relay();
                FakeStandby stranger = FakeStandby.login(relay.address(), "b");
                FakeStandby named = FakeStandby.login(relay.address(), "a")) {
            stranger.start("0/1000000");
            stranger.receiveUntil(START, wal.end());
            stranger.reply(wal.end(), wal.end(), wal.end(), true);
            assertFalse(stranger.keepalive().replyRequested());
            assertEquals(0, warnings(relay));
            assertEquals(Positions.NONE, look(relay).positions());
            named.start("0/1000000");
            Await.until("the warning", SOON, () -> warnings(relay), count -> count == 1);
            assertEquals(List.of("a"), look(relay).waitedFor(Positions.Stage.WRITE));
            assertEquals(Optional.of("a"), look(relay).members().stream().findFirst().map(m -> m.name()));
        }
    }
}
