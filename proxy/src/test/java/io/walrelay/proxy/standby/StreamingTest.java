package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.CopyDone;
import io.walrelay.protocol.message.BackendMessage.DataRow;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.FrontendMessage;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StreamingTest {

    private static final SegmentSize ONE_MB = new SegmentSize(1 << 20);
    private static final Lsn START = Lsn.parse("0/1000000");

    @TempDir
    Path data;

    private static WalCraft craft(int records) {
        return WalCraft.begin(ONE_MB, new SystemId(7), START, 1).randomRecords(records, 8_000);
    }

    @Test
    void sendsWhatIsHeldAndThenWhatComes() throws Exception {
        WalCraft wal = craft(100);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "one")) {
            standby.start("0/1000000 TIMELINE 1");
            assertArrayEquals(wal.bytes(), standby.receiveUntil(START, wal.end()));
            wal.randomRecords(50, 500);
            relay.receive(wal, wal.end());
            assertArrayEquals(wal.bytes(), standby.receiveUntil(START, wal.end()));
        }
    }

    @Test
    void sendsFromFilesWhatMemoryNoLongerHolds() throws Exception {
        WalCraft wal = craft(12_000);
        assertTrue(wal.end().minus(START) > 5 << 20, "more than the fixture's memory");
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "far")) {
            standby.start("0/1000000");
            assertArrayEquals(wal.bytes(), standby.receiveUntil(START, wal.end()));
        }
    }

    @Test
    void showsItsStandbysAsPgStatReplicationDoes() throws Exception {
        WalCraft wal = craft(20);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "one")) {
            assertEquals(StandbyStatus.State.STARTUP, relay.state().standbys().all().getFirst().state());
            standby.start("0/1000000");
            standby.receiveUntil(START, wal.end());
            standby.reply(wal.end(), wal.end(), START, false);
            Await.until("the reply is seen", Duration.ofSeconds(5), () -> relay.state().standbys().all().getFirst().flushed().isValid());
            StandbyStatus status = relay.state().standbys().all().getFirst();
            assertEquals("one", status.name());
            assertEquals("repl", status.user());
            assertEquals(StandbyStatus.State.STREAMING, status.state());
            assertEquals(wal.end(), status.sent());
            assertEquals(wal.end(), status.written());
            assertEquals(START, status.replayed());
            assertTrue(status.flushLag().isPresent());
            assertEquals(wal.end().minus(START), status.sentBytes());
        }
        // Leaving is checked by the next test's fixture: a session must not outlive its server.
    }

    @Test
    void answersAReplyThatAsksForOne() throws Exception {
        WalCraft wal = craft(20);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "one")) {
            standby.start("0/1000000");
            standby.receiveUntil(START, wal.end());
            standby.reply(wal.end(), wal.end(), wal.end(), true);
            assertEquals(wal.end(), standby.keepalive().end());
        }
    }

    @Test
    void goesBackToCommandsAfterCopyDoneOfTheClient() throws Exception {
        WalCraft wal = craft(20);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "one")) {
            standby.start("0/1000000");
            standby.receiveUntil(START, wal.end());
            standby.send(new FrontendMessage.CopyDone());
            standby.expect(CopyDone.class);
            assertEquals("START_STREAMING", standby.expect(CommandComplete.class).tag());
            assertEquals("START_REPLICATION", standby.expect(CommandComplete.class).tag());
            standby.expect(BackendMessage.ReadyForQuery.class);
            standby.start("0/1000000");
        }
    }

    /**
     * <pre>
     *   1 ──────fork──── (orphan)
     *              └──── 2
     * </pre>
     */
    @Test
    void endsATimelineThatWasLeftAndNamesTheNext() throws Exception {
        WalCraft wal = craft(40);
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(29)).randomRecords(20, 900);
        Lsn fork = two.history().begin();
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "old")) {
            relay.follow(two);
            relay.receive(two, two.end());
            standby.start("0/1000000 TIMELINE 1");
            assertArrayEquals(wal.bytes(START, fork), standby.receiveUntil(START, fork));
            standby.expect(CopyDone.class);
            standby.send(new FrontendMessage.CopyDone());
            standby.expect(BackendMessage.RowDescription.class);
            assertEquals(List.of("2", fork.toString()), standby.expect(DataRow.class).values());
            assertEquals("START_STREAMING", standby.expect(CommandComplete.class).tag());
            assertEquals("START_REPLICATION", standby.expect(CommandComplete.class).tag());
            standby.expect(BackendMessage.ReadyForQuery.class);
            // At the switch point there is nothing to stream, and no COPY.
            List<BackendMessage> answer = standby.ask("START_REPLICATION %s TIMELINE 1".formatted(fork));
            assertEquals(List.of("2", fork.toString()), assertInstanceOf(DataRow.class, answer.get(1)).values());
            standby.forgetWal();
            standby.start("0/1000000 TIMELINE 2");
            assertArrayEquals(two.bytes(), standby.receiveUntil(START, two.end()));
        }
    }

    @Test
    void followsASwitchInTheMiddleOfAStream() throws Exception {
        WalCraft wal = craft(40);
        Lsn fork = wal.recordEnds().getLast();
        WalCraft two = wal.promoted(new TimelineId(2), fork).randomRecords(20, 900);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "live")) {
            standby.start("0/1000000 TIMELINE 1");
            standby.receiveUntil(START, fork);
            relay.follow(two);
            standby.expectAfterKeepalives(CopyDone.class);
            standby.send(new FrontendMessage.CopyDone());
            standby.expect(BackendMessage.RowDescription.class);
            assertEquals(List.of("2", fork.toString()), standby.expect(DataRow.class).values());
        }
    }

    @Test
    void refusesAStandbyThatWasFedAnOrphan() throws Exception {
        WalCraft wal = craft(40);
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(29)).randomRecords(20, 900);
        Lsn fork = two.history().begin();
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "fed")) {
            standby.start("0/1000000 TIMELINE 1");
            standby.receiveUntil(START, wal.end());
            relay.follow(two);
            Diagnostic inStream = standby.expectAfterKeepalives(ErrorResponse.class).diagnostic();
            standby.expect(BackendMessage.ReadyForQuery.class);
            Diagnostic atStart = standby.refusal("START_REPLICATION %s TIMELINE 1".formatted(wal.end()));
            for (Diagnostic refusal : List.of(inStream, atStart)) {
                assertEquals("ERROR", refusal.severity());
                assertEquals("requested starting point %s on timeline 1 is not in this server's history".formatted(wal.end()), refusal.message());
                assertTrue(refusal.detail().orElseThrow().startsWith("This server's history forked from timeline 1 at %s.".formatted(fork)), refusal.toString());
                assertTrue(refusal.hint().orElseThrow().contains("rewind"), refusal.toString());
            }
        }
    }

    /** It asks from the start of its segment, as walreceivers do, which is before the fork: only its reply shows that it is past it. */
    @Test
    void refusesAStandbyThatReplayedPastTheForkOfTheSegmentThatItAsksFor() throws Exception {
        WalCraft wal = craft(40);
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(29)).randomRecords(20, 900);
        Lsn fork = two.history().begin();
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "fed")) {
            relay.follow(two);
            standby.start("0/1000000 TIMELINE 1");
            standby.receiveUntil(START, fork);
            standby.expect(CopyDone.class);
            standby.reply(fork, wal.end(), wal.end(), false);
            standby.send(new FrontendMessage.CopyDone());
            Diagnostic refusal = standby.expect(ErrorResponse.class).diagnostic();
            assertEquals("replay position %s on timeline 1 is not in this server's history".formatted(wal.end()), refusal.message());
            assertTrue(refusal.detail().orElseThrow().startsWith("This server's history forked from timeline 1 at %s.".formatted(fork)), refusal.toString());
            assertTrue(refusal.hint().orElseThrow().contains("rewind"), refusal.toString());
            standby.expect(BackendMessage.ReadyForQuery.class);
        }
    }

    @Test
    void refusesATimelineThatItDoesNotKnow() throws Exception {
        WalCraft wal = craft(10);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "new")) {
            assertEquals(
                    "requested timeline 9 is not in this server's history",
                    standby.refusal("START_REPLICATION 0/1000000 TIMELINE 9").message());
        }
    }

    @Test
    void saysThatASegmentIsGone() throws Exception {
        WalCraft wal = craft(10);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "late")) {
            standby.start("0/F00000");
            Diagnostic gone = standby.expectAfterKeepalives(ErrorResponse.class).diagnostic();
            assertEquals("58P01", gone.sqlState());
            assertEquals("requested WAL segment 00000001000000000000000F has already been removed", gone.message());
        }
    }

    @Test
    void letsAStandbyThatIsAheadWaitAndThenStreams() throws Exception {
        WalCraft wal = craft(40);
        Lsn early = wal.recordEnds().get(20);
        try (RelayFixture relay = RelayFixture.trusting(data, craft(0), RelayFixture.LIMITS)) {
            relay.receive(wal, early);
            try (FakeStandby standby = FakeStandby.login(relay.address(), "ahead")) {
                standby.start(wal.end() + " TIMELINE 1");
                assertEquals(early, standby.keepalive().end());
                Lsn asked = wal.end();
                wal.randomRecords(5, 100);
                relay.receive(wal, wal.end());
                assertArrayEquals(wal.bytes(asked, wal.end()), standby.receiveUntil(asked, wal.end()));
            }
        }
    }

    /** Upstream streams all the while, so what it waits for may still come: it is told where the relay is, until the time is over. */
    @Test
    void refusesAStandbyThatHasWaitedAheadForAsLongAsItMay() throws Exception {
        WalCraft wal = craft(40);
        Duration wait = Duration.ofSeconds(1);
        var limits = new StandbyLimits(Duration.ofSeconds(5), Duration.ofSeconds(4), 100, wait, 100);
        try (RelayFixture relay = RelayFixture.trusting(data, craft(0), limits)) {
            Lsn early = wal.recordEnds().get(20);
            relay.receive(wal, early);
            try (FakeStandby standby = FakeStandby.login(relay.address(), "ahead")) {
                Lsn asked = wal.end().plus(8192);
                long begin = System.nanoTime();
                standby.start(asked + " TIMELINE 1");
                assertEquals(early, standby.keepalive().end());
                assertEquals(early, standby.keepalive().end(), "it is told again and again");
                relay.receive(wal, wal.end());
                while (!standby.keepalive().end().equals(wal.end())) {
                    assertTrue(System.nanoTime() - begin < wait.toNanos(), "where the relay is now, before it is refused");
                }
                Diagnostic refusal = standby.expectAfterKeepalives(ErrorResponse.class).diagnostic();
                assertTrue(System.nanoTime() - begin >= wait.toNanos(), "it waited");
                assertEquals(
                        List.of("ERROR", "XX000", "requested starting point %s is ahead of the WAL flush position of this server %s".formatted(asked, wal.end())),
                        List.of(refusal.severity(), refusal.sqlState(), refusal.message()));
                standby.expect(BackendMessage.ReadyForQuery.class);
                standby.start(START + " TIMELINE 1");
                assertArrayEquals(wal.bytes(), standby.receiveUntil(START, wal.end()));
            }
        }
    }

    @Test
    void refusesAStandbyThatIsAheadWhenNothingWillCome() throws Exception {
        WalCraft wal = craft(40);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "ahead")) {
            relay.upstreamIs(UpstreamStatus.State.WAITING);
            Lsn asked = wal.end().plus(8192);
            standby.start(asked + " TIMELINE 1");
            assertEquals(
                    "requested starting point %s is ahead of the WAL flush position of this server %s".formatted(asked, wal.end()),
                    standby.expect(ErrorResponse.class).diagnostic().message());
            standby.expect(BackendMessage.ReadyForQuery.class);
        }
    }

    @Test
    void tellsAWaitingStandbyOfAForkBelowItAtOnce() throws Exception {
        WalCraft wal = craft(40);
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().getLast()).randomRecords(20, 900);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "ahead")) {
            Lsn asked = wal.end().plus(8192);
            standby.start(asked + " TIMELINE 1");
            standby.keepalive();
            relay.follow(two);
            Diagnostic refusal = standby.expectAfterKeepalives(ErrorResponse.class).diagnostic();
            assertEquals("requested starting point %s on timeline 1 is not in this server's history".formatted(asked), refusal.message());
        }
    }

    @Test
    void oneThatDoesNotReadCostsAnotherNothing() throws Exception {
        WalCraft wal = craft(12_000);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby slow = FakeStandby.connectNarrow(relay.address());
                FakeStandby fast = FakeStandby.login(relay.address(), "fast")) {
            slow.startup(java.util.Map.of("user", "repl", "replication", "true"));
            slow.until(BackendMessage.ReadyForQuery.class);
            slow.start("0/1000000");
            fast.start("0/1000000");
            assertArrayEquals(wal.bytes(), fast.receiveUntil(START, wal.end()));
            wal.randomRecords(100, 8_000);
            relay.receive(wal, wal.end());
            assertArrayEquals(wal.bytes(), fast.receiveUntil(START, wal.end()));
            assertArrayEquals(wal.bytes(), slow.receiveUntil(START, wal.end()));
        }
    }

    @Test
    void manySessionsAtOnePositionGetTheSameBytes() throws Exception {
        WalCraft wal = craft(20);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS)) {
            List<FakeStandby> standbys = new java.util.ArrayList<>();
            for (int i = 0; i < 30; i++) {
                FakeStandby standby = FakeStandby.login(relay.address(), "s" + i);
                standby.start("0/1000000");
                standby.receiveUntil(START, wal.end());
                standbys.add(standby);
            }
            for (int round = 0; round < 20; round++) {
                wal.randomRecords(10, 8_000);
                relay.receive(wal, wal.end());
            }
            for (FakeStandby standby : standbys) {
                assertArrayEquals(wal.bytes(), standby.receiveUntil(START, wal.end()));
                standby.close();
            }
            assertTrue(relay.server().addedDelay().count() > 0);
            Await.until("all have left", Duration.ofSeconds(5), () -> relay.state().standbys().count() == 0);
        }
    }

    @Test
    void hangsUpOnAStandbyThatIsSilent() throws Exception {
        WalCraft wal = craft(20);
        var limits = new StandbyLimits(Duration.ofSeconds(5), Duration.ofMillis(600), 100, Duration.ofSeconds(60), 100);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, limits);
                FakeStandby standby = FakeStandby.login(relay.address(), "silent")) {
            standby.start("0/1000000");
            standby.receiveUntil(START, wal.end());
            boolean asked = false;
            try {
                while (true) {
                    asked |= standby.keepalive().replyRequested();
                }
            } catch (java.io.EOFException closed) {
                assertTrue(asked, "a reply was requested before");
            }
        }
    }

    @Test
    void stopsWhenStandbysHaveConfirmedEverything() throws Exception {
        WalCraft wal = craft(20);
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "last");
                FakeStandby idle = FakeStandby.login(relay.address(), "idle")) {
            standby.start("0/1000000");
            standby.receiveUntil(START, wal.end());
            var stopped = relay.server().stop(Duration.ofSeconds(20)).toCompletableFuture();
            assertEquals("57P01", idle.expect(ErrorResponse.class).diagnostic().sqlState());
            assertTrue(standby.keepalive().replyRequested());
            standby.reply(wal.end(), wal.end(), wal.end(), false);
            assertEquals("COPY 0", standby.expectAfterKeepalives(CommandComplete.class).tag());
            assertTrue(standby.isClosedByServer());
            stopped.get(10, java.util.concurrent.TimeUnit.SECONDS);
        }
    }

    /**
     * <pre>
     *   1 ───fork─────── (the fork's segment is gone)
     *      └─ 2          so it comes again, from its start, which is before the fork
     * </pre>
     */
    @Test
    void sendsNothingThatHasNotComeYetThoughAForkLiesPastIt() throws Exception {
        WalCraft wal = craft(12_000);
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(20)).randomRecords(20, 900);
        Lsn fork = two.history().begin();
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "old")) {
            relay.cache().writer().flush();
            relay.cache().retain(relay.state().clock().instant().plus(Duration.ofDays(1)));
            assertTrue(relay.cache().oldest().isAfter(fork), "the fork's segment is gone");
            relay.follow(two);
            assertEquals(START, relay.cache().end().written());
            standby.start("0/1000000 TIMELINE 1");
            Lsn some = START.plus(fork.minus(START) / 2);
            relay.receive(two, some);
            assertArrayEquals(two.bytes(START, some), standby.receiveUntil(START, some));
            standby.reply(some, some, some, true);
            assertEquals(some, standby.keepalive().end(), "no more was sent");
            relay.receive(two, two.end());
            assertArrayEquals(two.bytes(START, fork), standby.receiveUntil(START, fork));
            standby.expectAfterKeepalives(CopyDone.class);
        }
    }

    @Test
    void aStandbyThatLeavesAnOldTimelineDuringTheStopIsNotLetIntoTheNext() throws Exception {
        WalCraft wal = craft(40);
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(29)).randomRecords(20, 900);
        Lsn fork = two.history().begin();
        try (RelayFixture relay = RelayFixture.trusting(data, wal, RelayFixture.LIMITS);
                FakeStandby standby = FakeStandby.login(relay.address(), "old")) {
            relay.follow(two);
            relay.receive(two, two.end());
            standby.start("0/1000000 TIMELINE 1");
            standby.receiveUntil(START, fork);
            standby.expect(CopyDone.class);
            var stopped = relay.server().stop(Duration.ofSeconds(30)).toCompletableFuture();
            Await.until("the stop is known", Duration.ofSeconds(5), () -> relay.state().standbys().all().getFirst().state() == StandbyStatus.State.STOPPING);
            standby.send(new FrontendMessage.CopyDone());
            List<BackendMessage> last = standby.until(ErrorResponse.class);
            assertEquals("57P01", ((ErrorResponse) last.getLast()).diagnostic().sqlState());
            assertTrue(standby.isClosedByServer());
            stopped.get(10, java.util.concurrent.TimeUnit.SECONDS);
        }
    }
}
