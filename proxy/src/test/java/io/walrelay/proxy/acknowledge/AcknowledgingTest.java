package io.walrelay.proxy.acknowledge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who speaks for a member, and what lasts: over lineages, over sessions, over a restart. */
class AcknowledgingTest {

    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));
    private static final TimelineHistory TWO = ONE.promoted(new TimelineId(2), lsn(50), "");

    @TempDir
    private Path directory;

    private static Lsn lsn(long value) {
        return new Lsn(value);
    }

    private static Positions at(long value) {
        return new Positions(lsn(value), lsn(value), lsn(value));
    }

    private static EndOfWal end(TimelineHistory lineage, long value) {
        return new EndOfWal(lineage, lsn(value), lsn(value), lsn(value), lsn(value));
    }

    private static Acknowledging policy(String text) {
        return new Acknowledging(AcknowledgePolicy.parse(text));
    }

    private static long flush(Acknowledging it, TimelineHistory lineage, long own) {
        return it.advance(end(lineage, own)).flush().value();
    }

    @Test
    void aMemberIsKnownByItsSlotOrElseByItsName() {
        Acknowledging it = policy("all (a)");
        it.join(1, Optional.of("other"), "x").confirmed(ONE, true, at(40));
        assertEquals(0, flush(it, ONE, 40));
        MemberSession named = it.join(2, Optional.of("other"), "A");
        named.confirmed(ONE, true, at(20));
        assertEquals(20, flush(it, ONE, 40));
        it.join(3, Optional.of("a"), "x").confirmed(ONE, true, at(30));
        assertEquals(30, flush(it, ONE, 40), "who has the slot speaks for it");
    }

    @Test
    void whoHasTheNameOnlyCountsForNobodyOnceTheMemberIsKnownByItsSlot() {
        Acknowledging it = policy("all (a)");
        it.join(1, Optional.empty(), "a").confirmed(ONE, true, at(20));
        assertEquals(20, flush(it, ONE, 40));
        MemberSession named = it.join(2, Optional.empty(), "a");
        named.confirmed(ONE, true, at(40));
        MemberSession slot = it.join(3, Optional.of("a"), "a");
        slot.confirmed(ONE, true, at(30));
        assertEquals(30, flush(it, ONE, 40));
        slot.left();
        named.confirmed(ONE, true, at(39));
        assertEquals(30, flush(it, ONE, 40), "the member is away");
        named.left();
        assertEquals(30, flush(it, ONE, 40), "and it has not what another one had");
    }

    @Test
    void aSessionSpeaksForTheMemberWhoseSlotItHasOrForWhomItsNameCounts() {
        Acknowledging it = policy("all (a, B)");
        assertEquals(Optional.of("a"), it.memberOf(Optional.of("a"), "b"), "the slot goes before the name");
        assertEquals(Optional.of("B"), it.memberOf(Optional.of("other"), "b"));
        assertEquals(Optional.empty(), it.memberOf(Optional.of("other"), "x"));
        it.join(1, Optional.of("b"), "x");
        assertEquals(Optional.empty(), it.memberOf(Optional.empty(), "B"), "it is known by its slot");
        assertEquals(Optional.of("B"), it.memberOf(Optional.of("b"), "x"));
    }

    @Test
    void whatOneThatHadTheNameOnlyLeftIsForgottenWhenTheMemberComes() {
        Acknowledging it = policy("all (a)");
        MemberSession named = it.join(1, Optional.empty(), "a");
        named.confirmed(ONE, true, at(40));
        named.left();
        it.join(2, Optional.of("a"), "");
        assertEquals(0, flush(it, ONE, 40));
    }

    @Test
    void ofSeveralThatMerelyCallThemselvesSoTheLastCounts() {
        Acknowledging it = policy("any 1 (a)");
        it.join(1, Optional.empty(), "a").confirmed(ONE, true, at(40));
        MemberSession second = it.join(2, Optional.empty(), "a");
        second.confirmed(ONE, true, at(10));
        assertEquals(10, flush(it, ONE, 40));
        second.left();
        assertEquals(40, flush(it, ONE, 40));
    }

    @Test
    void whoCatchesUpOrSaysNotWhatItFlushedIsNotChosen() {
        Acknowledging it = policy("first 1 (a, b)");
        MemberSession a = it.join(1, Optional.of("a"), "a");
        a.confirmed(ONE, false, at(10));
        assertEquals(0, flush(it, ONE, 40));
        it.join(2, Optional.of("b"), "b").confirmed(ONE, true, at(30));
        assertEquals(30, flush(it, ONE, 40));
        a.confirmed(ONE, true, new Positions(lsn(40), Lsn.INVALID, Lsn.INVALID));
        assertEquals(30, flush(it, ONE, 40), "as pg_receivewal without --synchronous");
        a.confirmed(ONE, true, at(35));
        assertEquals(35, flush(it, ONE, 40));
    }

    @Test
    void newsWakeTheWriterAndRepetitionsDoNot() {
        Acknowledging it = policy("all (a)");
        AtomicInteger woken = new AtomicInteger();
        it.onNews(woken::incrementAndGet);
        MemberSession a = it.join(1, Optional.of("a"), "a");
        a.confirmed(ONE, true, at(10));
        a.confirmed(ONE, true, at(10));
        assertEquals(1, woken.get());
        a.confirmed(ONE, true, at(11));
        assertEquals(2, woken.get());
        it.join(2, Optional.empty(), "b").confirmed(ONE, true, at(11));
        assertEquals(2, woken.get());
    }

    /**
     * <pre>
     *   timeline 1  ═══════50═══70 a      what a has past 50 is no part of timeline 2
     *   timeline 2         └──────────80
     * </pre>
     */
    @Test
    void whatLiesPastAForkCountsOnItsOwnSideOnly() {
        Acknowledging it = policy("all (a)");
        MemberSession a = it.join(1, Optional.of("a"), "a");
        a.confirmed(ONE, true, at(70));
        assertEquals(60, flush(it, ONE, 60));
        assertEquals(50, flush(it, TWO, 80));
        a.confirmed(TWO, true, at(60));
        assertEquals(60, flush(it, TWO, 80));
        assertEquals(60, flush(it, TWO, 80));
        TimelineHistory other = ONE.promoted(new TimelineId(2), lsn(30), "");
        assertEquals(30, flush(it, other, 80), "a number that was taken twice is two timelines");
    }

    @Test
    void whatWasAcknowledgedStaysWhenItsWitnessIsGone() {
        Acknowledging it = policy("any 1 (a, b)");
        MemberSession a = it.join(1, Optional.of("a"), "a");
        a.confirmed(ONE, true, at(40));
        assertEquals(40, flush(it, ONE, 45));
        a.left();
        it.join(2, Optional.of("b"), "b").confirmed(ONE, true, at(10));
        assertEquals(40, flush(it, ONE, 60));
        assertEquals(40, it.acknowledged(end(ONE, 60)).acknowledgeable().value());
        assertEquals(35, flush(it, ONE, 35), "never more than the relay has");
    }

    @Test
    void withoutMembersTheRelaysOwnIsAllThereIs() {
        Acknowledging it = policy("own");
        it.join(1, Optional.of("a"), "a").confirmed(ONE, true, at(10));
        assertEquals(new Positions(lsn(40), lsn(40), Lsn.INVALID), it.advance(end(ONE, 40)));
        assertEquals(end(ONE, 50), it.acknowledged(end(ONE, 50)));
    }

    @Test
    void aSlotRemembersOverARestartWhatItsStandbyHadFlushed() throws Exception {
        Tiers tiers = Tiers.local(new PosixStorage(directory), new CacheSettings(1 << 20, 1L << 30, Duration.ofHours(1), SlotLimits.upTo(1L << 30), false));
        try (WalCache cache = WalCache.create(tiers, new SystemId(7), new SegmentSize(1 << 20), ONE, lsn(1 << 20))) {
            for (String name : new String[] {"used", "fresh", "stranger", "advanced"}) {
                cache.slots().create(name, false, lsn(1 << 20), 1);
            }
            for (String name : new String[] {"used", "stranger", "advanced"}) {
                cache.slots().acquire(name, 1);
                cache.slots().confirm(name, 1, lsn(1 << 20), lsn(1 << 20));
                cache.slots().sent(name, lsn(2 << 20));
                cache.slots().release(name, 1);
            }
            cache.slots().advance("advanced", lsn(2 << 20), 1);
            cache.slots().save();
        }
        try (WalCache cache = WalCache.open(tiers).orElseThrow()) {
            Acknowledging used = policy("all (used)");
            used.recall(cache);
            assertEquals(1 << 20, flush(used, ONE, 2 << 20));
            assertEquals(Lsn.INVALID, used.look(end(ONE, 2 << 20)).positions().apply(), "what it had replayed nobody knows");
            Acknowledging fresh = policy("all (used, fresh)");
            fresh.recall(cache);
            assertEquals(0, flush(fresh, ONE, 2 << 20), "nobody ever streamed by it");
            Acknowledging advanced = policy("all (advanced)");
            advanced.recall(cache);
            assertEquals(0, flush(advanced, ONE, 2 << 20), "an operator moved it, and no standby");
            used.join(1, Optional.empty(), "used").confirmed(ONE, true, at(2 << 20));
            assertEquals(1 << 20, flush(used, ONE, 2 << 20), "it has not the slot");
            fresh.join(1, Optional.empty(), "fresh").confirmed(ONE, true, at(2 << 20));
            assertEquals(0, flush(fresh, ONE, 2 << 20), "nor has this");
            cache.slots().create("late", false, lsn(1 << 20), 1);
            Acknowledging late = policy("all (late)");
            late.recall(cache);
            cache.slots().drop("late", 1);
            late.join(1, Optional.empty(), "late").confirmed(ONE, true, at(2 << 20));
            assertEquals(0, flush(late, ONE, 2 << 20), "it is known by its slot until the next start");
            Acknowledging any = policy("any 1 (used)");
            any.recall(cache);
            assertEquals(0, flush(any, ONE, 2 << 20), "who is away is not chosen");
        }
    }

    @Test
    void aStandbyIsPromotableOnceItHasWhatWasAcknowledgedOnTheSameLineage() {
        assertTrue(promotion(ONE, 40, 1, 40).promotable());
        Promotion behind = promotion(ONE, 40, 1, 30);
        assertFalse(behind.promotable());
        assertEquals(Optional.of(10L), behind.missingBytes());
        // It has 60 of timeline 1, of which timeline 2 shares 50.
        assertTrue(promotion(TWO, 50, 1, 60).promotable());
        assertEquals(Optional.of(1L), promotion(TWO, 51, 1, 60).missingBytes());
        assertTrue(promotion(TWO, 51, 2, 60).promotable());
        Promotion elsewhere = promotion(TWO, 51, 3, 60);
        assertFalse(elsewhere.promotable() || elsewhere.onLineage() || elsewhere.missingBytes().isPresent());
        assertFalse(promotion(ONE, 0, 1, 0).promotable(), "of whom nothing is known");
    }

    private static Promotion promotion(TimelineHistory followed, long acknowledged, int timeline, long flushed) {
        return Promotion.of(followed, lsn(acknowledged), new Promotion.Seen(Optional.of(new TimelineId(timeline)), lsn(flushed)));
    }
}
