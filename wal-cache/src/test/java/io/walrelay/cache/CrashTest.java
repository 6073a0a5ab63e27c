package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The machine dies before every single change that a relay makes to its disk, and comes up again in a state that POSIX allows.
 *
 * <pre>
 *   timeline 1        ──────┬──────────┬──────┬─── e      follow 2, with an orphan
 *                           │          └────────── 2      follow 2', with an orphan that bears the same number
 *                           └─────┬─────────────── 2'     follow 3 at the very end of 2', nothing orphaned
 *                                 └───···gap···─── 3      skipTo
 * </pre>
 */
class CrashTest {

    private static final Logger log = LoggerFactory.getLogger(CrashTest.class);
    private static final String SLOT = "standby";
    private static final Instant MUCH_LATER = Instant.parse("2100-01-01T00:00:00Z");

    /** The WAL of each lineage, and what the relay said about it before it died. */
    private static final class Story {
        private final Map<TimelineHistory, WalCraft> truth = new HashMap<>();
        private final Map<TimelineHistory, Lsn> acknowledged = new HashMap<>();
        private final List<TimelineHistory> possible = new ArrayList<>();
        private Lsn slotAt = Lsn.INVALID;
        private boolean created;
        private boolean slotCreated;

        void mayFollow(WalCraft next) {
            truth.put(next.history(), next);
            possible.add(next.history());
        }

        WalCraft truthOf(TimelineHistory lineage) {
            return Objects.requireNonNull(truth.get(lineage));
        }

        void follows(TimelineHistory now) {
            possible.removeIf(lineage -> !lineage.equals(now));
        }

        /** What was acknowledged of a lineage that lost counts as far as the one that won shares it. */
        Lsn acknowledgedOn(TimelineHistory lineage) {
            Lsn furthest = Lsn.INVALID;
            for (Map.Entry<TimelineHistory, Lsn> e : acknowledged.entrySet()) {
                Lsn fork = lineage.forkWith(e.getKey()).orElse(e.getValue());
                furthest = Lsn.max(furthest, Lsn.min(fork, e.getValue()));
            }
            return furthest;
        }
    }

    private static final class Scenario {
        private final CrashableStorage storage;
        private final Story story = new Story();
        private final Random random;
        private final WalCraft one;
        private final WalCraft two;
        private final WalCraft twoAgain;
        private final WalCraft three;
        private final Lsn start;
        /** Whether WAL that nobody needs is freed as soon as it may be. */
        private final boolean frees;
        private final List<long[]> follows = new ArrayList<>();
        private @Nullable WalCache cache;

        Scenario(CrashableStorage storage, long seed, boolean frees) {
            this.storage = storage;
            this.frees = frees;
            this.random = new Random(seed);
            // The relay begins where a record goes on that it never gets whole.
            one = Caches.craft(seed).record(1_200_000).randomRecords(60, 30_000).record(900_000).randomRecords(10, 9_000).record(2_300_000)
                    .randomRecords(60, 30_000);
            start = ORIGIN.plus(MB);
            List<Lsn> ends = one.recordEnds();
            two = one.promoted(new TimelineId(2), ends.get(ends.size() - 10)).randomRecords(40, 30_000).record(1_100_000).randomRecords(20, 3_000);
            twoAgain = one.promoted(new TimelineId(2), ends.get(ends.size() - 50)).randomRecords(30, 30_000);
            three = twoAgain.promoted(new TimelineId(3), twoAgain.end()).randomRecords(20, 30_000).record(3_000_000).randomRecords(30, 20_000);
        }

        void play() throws Exception {
            story.mayFollow(one);
            story.acknowledged.put(one.history(), Lsn.INVALID);
            WalCache open = Caches.create(storage, one, start);
            cache = open;
            story.created = true;
            stream(open, one, one.end());
            follow(open, two);
            stream(open, two, two.end());
            follow(open, twoAgain);
            stream(open, twoAgain, twoAgain.end());
            flush(open);
            follow(open, three);
            stream(open, three, three.start().plus(4 * MB + 100_000));
            Lsn beyond = SEGMENT.endOf(open.end().written()).plus(MB);
            open.skipTo(beyond);
            stream(open, three, three.end());
            open.close();
        }

        void follow(WalCache open, WalCraft next) throws IOException {
            story.mayFollow(next);
            story.acknowledged.merge(open.end().lineage(), open.end().acknowledgeable(), Lsn::max);
            long before = storage.operations();
            open.follow(next.history(), Caches.historyText(next.history()), open.end().acknowledgeable());
            story.follows(next.history());
            follows.add(new long[] {before, storage.operations()});
        }

        /** Whether the timeline was changing then; the allocator's changes are not always at the same number. */
        boolean followedAbout(long operation) {
            return follows.stream().anyMatch(follow -> operation >= follow[0] - 2 && operation <= follow[1] + 2);
        }

        void stream(WalCache open, WalCraft wal, Lsn to) throws IOException, DivergentWalException, SlotException {
            Lsn at = open.end().written();
            while (at.isBefore(to)) {
                Lsn next = Lsn.min(to, at.plus(1 + random.nextInt(random.nextInt(4) == 0 ? 600_000 : 60_000)));
                if (random.nextInt(3) == 0 && wal.lastRecordEndAt(next).isAfter(at)) {
                    next = wal.lastRecordEndAt(next);
                }
                Caches.append(open, wal, at, next);
                at = next;
                if (random.nextInt(3) > 0) {
                    open.writer().publish();
                }
                if (random.nextInt(4) == 0) {
                    flush(open);
                }
                if (!story.slotCreated && random.nextInt(4) == 0) {
                    open.reservations().create(SLOT, false, true, 1);
                    story.slotCreated = true;
                }
                if (random.nextInt(8) == 0) {
                    open.slots().save();
                }
                if (frees && random.nextInt(4) == 0) {
                    open.retain(MUCH_LATER);
                }
            }
            open.writer().publish();
        }

        void flush(WalCache open) throws IOException, SlotException {
            EndOfWal end = open.writer().flush();
            story.acknowledged.merge(end.lineage(), end.acknowledgeable(), Lsn::max);
            story.slotAt = end.acknowledgeable();
            if (open.slots().find(SLOT).isPresent()) {
                open.slots().acquire(SLOT, 1);
                open.slots().confirm(SLOT, 1, end.acknowledgeable(), ORIGIN);
            }
        }
    }

    @Test
    void losesNothingAcknowledgedAtAnyCrashPoint() throws Exception {
        crashEverywhere(Long.getLong("walrelay.seed", 20_261_121), false, 1);
    }

    /** What recovery reads to find the end is among what was freed, unless it is kept for that. */
    @Test
    void losesNothingAcknowledgedThoughAllThatMayGoIsFreed() throws Exception {
        crashEverywhere(Long.getLong("walrelay.seed", 20_261_128), true, 3);
    }

    private static void crashEverywhere(long seed, boolean frees, int step) throws Exception {
        CrashableStorage whole = new CrashableStorage();
        Scenario complete = new Scenario(whole, seed, frees);
        complete.play();
        long operations = whole.operations();
        log.info("{} crash points; replay with -Dwalrelay.seed={}", operations, seed);
        for (long k = 1; k <= operations; k += step) {
            crashAndCheck(seed, k, frees, complete.followedAbout(k) ? 5 : 1);
        }
    }

    private static void crashAndCheck(long seed, long k, boolean frees, int states) throws Exception {
        CrashableStorage disk = new CrashableStorage();
        disk.crashBeforeOperation(k);
        Scenario scenario = new Scenario(disk, seed, frees);
        boolean crashed = false;
        try {
            scenario.play();
        } catch (IOException e) {
            crashed = true;
        }
        WalCache dead = scenario.cache;
        if (crashed && dead != null) {
            closeDead(dead);
        }
        String where = "seed %d, crash before operation %d".formatted(seed, k);
        try {
            for (int state = 0; state < states; state++) {
                CrashableStorage after = disk.crash(seed * 31 + k * 7 + state);
                check(k % 5 == 0 ? crashInRecovery(after, seed + k) : after, scenario);
            }
        } catch (IOException | WalNotHeldException | DivergentWalException | RuntimeException | AssertionError e) {
            throw new AssertionError(where, e);
        }
    }

    private static void closeDead(WalCache dead) {
        try {
            dead.close();
        } catch (IOException e) {
            assertTrue(e.getMessage() != null, "its disk is dead, but its memory and threads are given back");
        }
    }

    /** Recovery may be cut short too, and then begins again. */
    private static CrashableStorage crashInRecovery(CrashableStorage disk, long seed) {
        Random random = new Random(seed);
        disk.crashBeforeOperation(1 + random.nextInt(8));
        try {
            Optional<WalCache> opened = WalCache.open(Tiers.local(disk, Caches.SETTINGS));
            opened.ifPresent(CrashTest::closeDead);
        } catch (IOException e) {
            assertEquals("the machine has crashed", e.getMessage());
        }
        return disk.crash(seed);
    }

    private static void check(CrashableStorage disk, Scenario scenario) throws Exception {
        Story story = scenario.story;
        Optional<WalCache> opened = WalCache.open(Tiers.local(disk, Caches.SETTINGS));
        if (opened.isEmpty()) {
            assertFalse(story.created, "a folder that was made is gone");
            return;
        }
        EndOfWal recovered;
        try (WalCache cache = opened.get()) {
            recovered = cache.end();
            assertTrue(story.possible.contains(recovered.lineage()), "neither the old lineage nor the new: " + recovered.lineage());
            WalCraft wal = story.truthOf(recovered.lineage());
            Lsn acknowledged = story.acknowledgedOn(recovered.lineage());
            assertTrue(
                    recovered.written().isAtLeast(acknowledged),
                    "acknowledged up to %s, recovered up to %s".formatted(acknowledged, recovered.written()));
            checkBytes(cache, wal);
            checkFiles(disk, cache, wal);
            checkHistory(cache);
            checkSlot(cache, story);
            Caches.append(cache, wal, cache.end().written(), wal.end());
            cache.writer().publish();
            recovered = cache.writer().flush();
            assertEquals(wal.end(), recovered.flushed());
            checkBytes(cache, wal);
        }
        try (WalCache again = Caches.reopen(disk.crash(1))) {
            assertTrue(again.end().written().isAtLeast(recovered.acknowledgeable()), "acknowledged after recovery, then lost");
            checkBytes(again, story.truthOf(recovered.lineage()));
        }
    }

    private static void checkBytes(WalCache cache, WalCraft wal) throws Exception {
        Lsn oldest = cache.oldest();
        Lsn end = cache.end().written();
        // A switch of segment's zeros are there before they came: never more than the truth in these scenarios.
        assertTrue(end.isAtMost(wal.end()), "recovered more than there ever was");
        assertArrayEquals(wal.bytes(oldest, end), Caches.read(cache, wal.history(), oldest, end, 128 << 10));
    }

    private static void checkFiles(CrashableStorage disk, WalCache cache, WalCraft wal) throws IOException {
        TimelineHistory lineage = cache.end().lineage();
        for (SegmentFiles.Held held : cache.files().all()) {
            SegmentId id = held.id();
            assertTrue(lineage.contains(id.timeline()), held + " is not of " + lineage);
            Lsn left = lineage.switchPointOf(id.timeline()).orElse(cache.end().written());
            Lsn from = id.start(SEGMENT);
            Lsn to = Lsn.min(Lsn.min(id.end(SEGMENT), left), cache.end().written());
            if (cache.gaps().stream().skip(1).anyMatch(gap -> gap.from().isBefore(to) && gap.to().isAfter(from))) {
                continue;
            }
            SegmentFile file = cache.files().acquire(id);
            try {
                byte[] bytes = new byte[(int) Math.max(0, to.minus(from))];
                file.read(ByteBuffer.wrap(bytes), 0);
                assertArrayEquals(bytes.length == 0 ? bytes : wal.bytes(from, to), bytes, held.toString());
            } finally {
                file.release();
            }
        }
        assertTrue(disk.list("wal").stream().noneMatch(name -> name.startsWith("next.")), "a change of timeline is left half done");
    }

    private static void checkHistory(WalCache cache) throws IOException {
        TimelineHistory lineage = cache.end().lineage();
        if (lineage.timeline().value() > 1) {
            assertArrayEquals(Caches.historyText(lineage), cache.history(lineage.timeline()).orElseThrow());
        }
    }

    private static void checkSlot(WalCache cache, Story story) {
        Optional<Slot> slot = cache.slots().find(SLOT);
        assertTrue(slot.isPresent() || !story.slotCreated, "a slot that was made is gone");
        Lsn furthest = story.acknowledged.values().stream().max(Lsn::compareTo).orElseThrow();
        slot.ifPresent(s -> assertTrue(
                s.restartLsn().isAtMost(Lsn.max(furthest, Lsn.max(story.slotAt, ORIGIN.plus(MB)))), "a slot ahead of the truth: " + s));
    }
}
