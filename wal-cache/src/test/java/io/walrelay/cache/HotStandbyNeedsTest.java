package io.walrelay.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.walrelay.cache.HotStandbyNeeds.Epoch;
import io.walrelay.cache.HotStandbyNeeds.Parameters;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.RecordBody.Cause;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalLevel;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class HotStandbyNeedsTest {

    private static final TimelineHistory ONE = TimelineHistory.root(TimelineId.of(1));
    private static final Optional<Instant> NOON = Optional.of(Instant.parse("2026-01-02T12:00:00Z"));
    private static final RelationFile FILE = new RelationFile(1663, 5, 16_384);
    private static final HotStandbyNeeds NOTHING = HotStandbyNeeds.unknown(ONE);

    private static Lsn at(long position) {
        return new Lsn(position);
    }

    private static ServerParameters settings(int connections, int locks) {
        return new ServerParameters(connections, 8, 10, 0, locks, WalLevel.REPLICA, false, false);
    }

    private static HotStandbyNeeds changed(HotStandbyNeeds needs, long at, ServerParameters to) {
        return needs.with(new RecordBody.ParameterChange(to), at(at), NOON);
    }

    private static RecordBody.RunningTransactions running(boolean overflowed, int next) {
        return new RecordBody.RunningTransactions(1, 0, overflowed, next, next - 1, next - 2);
    }

    private static RecordBody.Removal removal(int xid) {
        return new RecordBody.Removal(Cause.HEAP_PRUNE, FILE, xid, Optional.empty());
    }

    private static RecordBody.Checkpoint checkpoint(long next) {
        return checkpoint(next, 0);
    }

    private static RecordBody.Checkpoint checkpoint(long next, long epochSecond) {
        TimelineId timeline = TimelineId.of(1);
        return new RecordBody.Checkpoint(at(1), false, timeline, timeline, true, new FullTransactionId(next), epochSecond);
    }

    @Test
    void theLogsWordCountsMoreThanThePrimarys() {
        HotStandbyNeeds told = NOTHING.withTold(settings(100, 64));
        assertEquals(Optional.of(new Parameters(Lsn.INVALID, Optional.empty(), settings(100, 64))), told.inForce());
        assertSame(told, told.withTold(settings(300, 64)), "what is told later may be of a time that the log has not reached");
        HotStandbyNeeds read = changed(told, 1_000, settings(200, 64));
        assertEquals(Optional.of(new Parameters(at(1_000), NOON, settings(200, 64))), read.inForce());
        assertSame(read, read.withTold(settings(100, 64)));
        assertSame(read, changed(read, 1_500, settings(200, 64)), "nothing changes");
        assertEquals(
                List.of(new Parameters(at(900), NOON, settings(100, 64))),
                changed(told, 900, settings(100, 64)).parameters(),
                "where what was told came into force");
        assertEquals(Optional.of(settings(400, 64)), read.withoutParameters().withTold(settings(400, 64)).inForce().map(Parameters::values));
    }

    @Test
    void whatIsReadAgainIsNoNews() {
        HotStandbyNeeds read = changed(changed(NOTHING, 1_000, settings(200, 64)), 2_000, settings(50, 64))
                .with(running(true, 900), at(2_100), NOON)
                .with(checkpoint(901), at(2_200), NOON)
                .with(removal(890), at(2_300), NOON);
        assertSame(read, changed(read, 1_000, settings(200, 64)));
        assertSame(read, changed(read, 2_000, settings(50, 64)));
        assertSame(read, read.with(running(true, 900), at(2_100), NOON));
        assertSame(read, read.with(checkpoint(901), at(2_200), NOON));
        assertSame(read, read.with(removal(890), at(2_300), NOON));
        assertSame(read, read.with(removal(880), at(2_400), NOON), "it was removed before");
        assertSame(read, read.with(new RecordBody.TransactionEnd(true, 5, List.of()), at(2_500), NOON));
    }

    @Test
    void aStandbyNeedsTheMostOfAllThatIsBeforeIt() {
        HotStandbyNeeds needs = changed(changed(changed(NOTHING.withTold(settings(100, 64)), 1_000, settings(300, 64)), 2_000, settings(50, 128)), 3_000, settings(60, 64));
        assertEquals(minimums(300, 128), needs.minimumsFrom(at(500)));
        assertEquals(minimums(300, 128), needs.minimumsFrom(at(1_000)), "stands before the change");
        assertEquals(minimums(300, 128), needs.minimumsFrom(at(1_500)), "has it behind itself");
        assertEquals(minimums(60, 128), needs.minimumsFrom(at(2_500)));
        assertEquals(minimums(60, 64), needs.minimumsFrom(at(9_000)));
        assertEquals(List.of(at(2_000), at(3_000)), needs.ahead(at(1_001)).stream().map(Parameters::at).toList());
        assertEquals(Map.of(), NOTHING.minimumsFrom(at(1)));
    }

    private static Map<String, Integer> minimums(int connections, int locks) {
        return settings(connections, locks).minimums();
    }

    @Test
    void aStandbyStopsWhereTheRecordBeforeEnds() {
        HotStandbyNeeds needs = changed(NOTHING, 8_192 + 24, settings(300, 64));
        assertEquals(Optional.empty(), needs.stopsBefore(at(8_000)));
        assertEquals(needs.inForce(), needs.stopsBefore(at(8_192)));
        assertEquals(needs.inForce(), needs.stopsBefore(at(8_192 + 24)));
        assertEquals(Optional.empty(), needs.stopsBefore(at(8_192 + 32)));
        assertEquals(Optional.empty(), NOTHING.withTold(settings(100, 64)).stopsBefore(at(8)), "nobody stops at what was always so");
    }

    @Test
    void onlySoManyChangesAreRemembered() {
        HotStandbyNeeds needs = NOTHING;
        for (int i = 1; i <= 40; i++) {
            needs = changed(needs, i * 100L, settings(i, 64));
        }
        assertEquals(HotStandbyNeeds.REMEMBERED, needs.parameters().size());
        assertEquals(settings(40, 64), needs.inForce().orElseThrow().values());
        assertEquals(at(2_500), needs.parameters().getFirst().at());
    }

    @Test
    void anOverflowIsRememberedWhenItIsOver() {
        HotStandbyNeeds needs = NOTHING.with(running(true, 900), at(100), NOON).with(running(false, 950), at(200), NOON);
        assertEquals(Optional.of(at(200)), needs.snapshot().map(HotStandbyNeeds.Snapshot::at));
        assertEquals(Optional.of(at(100)), needs.overflowed().map(HotStandbyNeeds.Snapshot::at));
    }

    @Test
    void epochsComeFromCheckpointsAndTheRestFollows() {
        HotStandbyNeeds needs = NOTHING.with(running(false, 900), at(100), NOON).with(removal(890), at(110), NOON);
        assertEquals(Optional.empty(), needs.epoch());
        assertEquals(Optional.empty(), needs.removalHorizon());
        long epoch = 2L << 32;
        needs = needs.with(checkpoint(epoch + 910), at(120), NOON);
        assertEquals(Optional.of(new FullTransactionId(epoch + 890)), needs.removalHorizon());
        needs = needs.with(running(false, 1_000), at(130), NOON);
        assertEquals(Optional.of(new Epoch(at(130), new FullTransactionId(epoch + 1_000))), needs.epoch());
        assertEquals(needs.epoch(), needs.with(checkpoint(epoch + 950), at(140), NOON).epoch(), "an online checkpoint is older than its record");
        HotStandbyNeeds beforeWrap = NOTHING.with(checkpoint(epoch - 10), at(100), NOON).with(removal(-20), at(110), NOON);
        HotStandbyNeeds afterWrap = beforeWrap.with(running(false, 50), at(120), NOON).with(removal(40), at(130), NOON);
        assertEquals(Optional.of(new FullTransactionId(epoch - 20)), beforeWrap.removalHorizon());
        assertEquals(Optional.of(new FullTransactionId(epoch + 40)), afterWrap.removalHorizon());
        assertEquals(Optional.of(new FullTransactionId(epoch + 50)), afterWrap.epoch().map(Epoch::nextXid));
    }

    @Test
    void aPageFromLongAgoIsForNobodyWhoRuns() {
        HotStandbyNeeds needs = NOTHING.with(checkpoint(5L << 32), at(100), NOON).with(removal(-5), at(110), NOON);
        FullTransactionId ancient = new FullTransactionId((2L << 32) + 7);
        assertSame(needs, needs.with(new RecordBody.Removal(Cause.BTREE_REUSE_PAGE, FILE, ancient.xid(), Optional.of(ancient)), at(120), NOON));
    }

    @Test
    void whatIsPastAForkIsForgotten() {
        HotStandbyNeeds needs = changed(changed(NOTHING, 1_000, settings(200, 64)), 3_000, settings(300, 64))
                .with(running(true, 900), at(1_500), NOON)
                .with(running(false, 950), at(3_500), NOON)
                .with(checkpoint(960), at(3_600), NOON)
                .with(removal(890), at(1_600), NOON);
        TimelineHistory two = ONE.promoted(TimelineId.of(2), at(2_000), "");
        HotStandbyNeeds after = needs.on(two);
        assertEquals(
                new HotStandbyNeeds(
                        two, needs.parameters().subList(0, 1), Optional.empty(), needs.overflowed(), needs.removal(), Optional.empty()),
                after);
        assertEquals(needs.parameters(), needs.on(ONE.promoted(TimelineId.of(2), at(4_000), "")).parameters());
        assertSame(needs, needs.on(ONE));
    }

    @Test
    void timesAreThePrimarys() {
        assertEquals(Optional.of(Instant.parse("2000-01-01T00:00:01Z")), HotStandbyNeeds.timeOf(new RecordBody.TransactionEnd(false, 1_000_000, List.of())));
        assertEquals(Optional.of(Instant.EPOCH), HotStandbyNeeds.timeOf(checkpoint(1)));
        for (long garbage : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE}) {
            assertEquals(Optional.empty(), HotStandbyNeeds.timeOf(checkpoint(1, garbage)));
            HotStandbyNeeds.timeOf(new RecordBody.TransactionEnd(true, garbage, List.of()));
        }
        assertEquals(Optional.empty(), HotStandbyNeeds.timeOf(removal(5)));
    }
}
