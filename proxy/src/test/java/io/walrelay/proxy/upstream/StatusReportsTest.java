package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.netty.buffer.ByteBuf;
import io.netty.channel.embedded.EmbeddedChannel;
import io.walrelay.cache.EndOfWal;
import io.walrelay.protocol.replication.FromStandby.StandbyStatusUpdate;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.acknowledge.Acknowledging;
import io.walrelay.proxy.acknowledge.MemberSession;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.feedback.FeedbackLimits;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.slotsync.WaitsFor;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What upstream is told where a policy waits for standby a. What waits for nobody is in {@link WalStreamTest}. */
class StatusReportsTest {

    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));

    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final RelayState state = new RelayState(
            Clock.systemUTC(),
            new UpstreamStatus(
                    UpstreamStatus.State.STREAMING, Optional.empty(), Instant.EPOCH, Lsn.INVALID, Lsn.INVALID, Lsn.INVALID, Optional.empty(), Optional.empty()),
            AcknowledgePolicy.parse("all (a)"),
            new SlotSync(WaitsFor.NOBODY, "relay"),
            FeedbackLimits.DEFAULT);
    private final Acknowledging acknowledging = state.acknowledging();
    private final MemberSession a = acknowledging.join(1, Optional.of("a"), "a");
    private EndOfWal end = end(40);
    private StatusReports reports = of(Lsn.INVALID);

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
    }

    /** @param slot where upstream's slot is when the stream begins */
    private StatusReports of(Lsn slot) {
        return new StatusReports(channel, () -> end, acknowledging, new LinkStatus(state), Clock.systemUTC(), Duration.ofSeconds(10).toNanos(), slot);
    }

    private static EndOfWal end(long value) {
        return new EndOfWal(ONE, new Lsn(value), new Lsn(value), new Lsn(value), new Lsn(value));
    }

    private void confirms(long write, long flush, long apply) {
        a.confirmed(ONE, true, new Positions(new Lsn(write), new Lsn(flush), new Lsn(apply)));
        reports.reportNews();
    }

    /** What was sent since, as write/flush/apply; "-" when nothing was. */
    private String sent() {
        StringBuilder sent = new StringBuilder();
        for (ByteBuf body = channel.readOutbound(); body != null; body = channel.readOutbound()) {
            // Less the frame of CopyData around it.
            StandbyStatusUpdate update = (StandbyStatusUpdate) FromStandbyCodec.decode(body.skipBytes(5));
            sent.append(' ').append("%d/%d/%d".formatted(update.written().value(), update.flushed().value(), update.applied().value()));
        }
        return sent.isEmpty() ? "-" : sent.substring(1);
    }

    @Test
    void tellsAtOnceWhatTheStandbyConfirmsAndNothingTwice() {
        reports.report(true);
        assertEquals("0/0/0", sent());
        reports.reportNews();
        assertEquals("-", sent(), "that the relay itself has more is no news");
        confirms(30, 20, 10);
        assertEquals("30/20/10", sent());
        confirms(30, 20, 10);
        assertEquals("-", sent());
        confirms(30, 20, 11);
        assertEquals("30/20/11", sent());
        confirms(90, 90, 90);
        assertEquals("40/40/40", sent());
        assertEquals(new Lsn(40), state.upstream().acknowledged());
    }

    @Test
    void takesBackNothing() {
        confirms(40, 40, 40);
        assertEquals("40/40/40", sent());
        confirms(5, 5, 5);
        a.left();
        reports.reportNews();
        reports.reportLast();
        assertEquals("40/40/40", sent());
    }

    @Test
    void whatAnEarlierRunMayHaveToldCountsAsAcknowledgedThoughItIsNotSaid() {
        new LinkStatus(state).acknowledged(new Lsn(40));
        confirms(20, 20, 20);
        assertEquals("20/20/20", sent());
        assertEquals(new Lsn(40), state.upstream().acknowledged());
    }

    /** It asks until the flushed position is what it has sent, and it is not to wait for a standby that is away. */
    @Test
    void aServerThatShutsDownIsLetGoAndNoCommitIs() {
        confirms(30, 20, 10);
        assertEquals("30/20/10", sent());
        reports.owe();
        reports.settle(new Lsn(40));
        assertEquals("-", sent(), "the standby may confirm it any moment");
        reports.reportIfDue(System.nanoTime(), new Lsn(40));
        assertEquals("40/0/0", sent(), "without a flushed position it is acknowledged to nobody");
        confirms(40, 40, 10);
        assertEquals("40/40/10", sent());
        reports.owe();
        reports.settle(new Lsn(40));
        assertEquals("40/40/10", sent());
    }

    @Test
    void whoeverAsksWhileThereIsMoreToComeIsAnsweredAsUsual() {
        confirms(30, 20, 10);
        assertEquals("30/20/10", sent());
        reports.owe();
        reports.settle(new Lsn(41));
        assertEquals("30/20/10", sent());
        end = end(41);
        reports.owe();
        reports.settle(new Lsn(41));
        assertEquals("30/20/10", sent(), "the relay has got more since");
    }

    @Test
    void movesTheSlotNotBackToWhatStandbysHaveConfirmed() {
        reports = of(new Lsn(25));
        confirms(30, 20, 10);
        assertEquals("30/0/0", sent(), "without a flushed position nothing is moved");
        assertEquals(Lsn.INVALID, state.upstream().acknowledged());
        confirms(30, 25, 11);
        assertEquals("30/25/11", sent());
        assertEquals(new Lsn(25), state.upstream().acknowledged());
    }

    @Test
    void aSlotThatIsAheadOfTheRelayIsMovedBackToWhatThatNeeds() {
        reports = of(new Lsn(41));
        confirms(30, 20, 10);
        assertEquals("30/20/10", sent());
    }

    @Test
    void aServerThatShutsDownIsLetGoAlsoWhileNoFlushedPositionIsReported() {
        reports = of(new Lsn(25));
        confirms(30, 20, 10);
        assertEquals("30/0/0", sent());
        reports.owe();
        reports.settle(new Lsn(40));
        reports.reportIfDue(System.nanoTime(), new Lsn(40));
        assertEquals("40/0/0", sent());
    }
}
