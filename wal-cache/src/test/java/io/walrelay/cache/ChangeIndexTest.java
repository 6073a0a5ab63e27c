package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.index.BlockWal;
import io.walrelay.cache.index.Changes;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** The index of what is held says what the records say, of whichever lineage, and by whom it was made. */
class ChangeIndexTest {

    private static final SegmentId FIRST = SegmentId.at(TimelineId.of(1), ORIGIN, SEGMENT);

    private final CrashableStorage disk = new CrashableStorage();
    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final BlockWal blocks = new BlockWal(Caches.craft(seed), seed);

    /** Nothing is damaged here, so upstream is never asked. */
    static WalVerifier verifier(WalCache cache, Lsn from) {
        return cache.verifier(from, new WalVerifier.Remedy() {
            @Override
            public void found(WalVerifier.Damage damage) {
                throw new AssertionError(damage.toString());
            }

            @Override
            public WalVerifier.Again fetchAgain(WalVerifier.Damage damage, Lsn from, Lsn end) {
                throw new AssertionError(damage.toString());
            }

            @Override
            public void lasting(WalVerifier.Damage damage, WalVerifier.Again why) {
                throw new AssertionError(damage.toString());
            }
        });
    }

    static void await(String what, BooleanSupplier condition) {
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < limit, () -> "not so in 20 s: " + what);
            LockSupport.parkNanos(1_000_000);
        }
    }

    static void append(WalCache cache, BlockWal wal) throws Exception {
        Caches.append(cache, wal.wal(), cache.end().written(), wal.wal().end());
        cache.writer().publish();
        cache.writer().flush();
    }

    private void assertSays(WalCache cache, BlockWal wal, Lsn from, Lsn to) throws IOException {
        Map<BlockWal.Block, BlockWal.First> found = new LinkedHashMap<>();
        read(cache, wal.wal().history(), from, to).forEach(changes -> BlockWal.add(changes.blocks(), found));
        assertTrue(wal.expected(from, to).equals(found), () -> "from %s to %s, seed %d".formatted(from, to, seed));
    }

    private static List<Changes> read(WalCache cache, TimelineHistory lineage, Lsn from, Lsn to) throws IOException {
        List<Changes> all = new ArrayList<>();
        try (ChangeIndex.Stretch stretch = assertInstanceOf(ChangeIndex.Stretch.class, cache.changeIndex().changes(lineage, from, to))) {
            for (Optional<Changes> next = stretch.next(); next.isPresent(); next = stretch.next()) {
                all.add(next.get());
            }
        }
        return all;
    }

    /** Anywhere, where segments begin among them. */
    private void assertSaysWhateverIsAsked(WalCache cache, BlockWal wal, Lsn oldest) throws IOException {
        Lsn end = wal.wal().end();
        assertSays(cache, wal, oldest, end);
        for (int i = 0; i < 20; i++) {
            Lsn from = oldest.plus(random.nextLong(end.minus(oldest)));
            Lsn to = from.plus(random.nextLong(end.minus(from) + 1));
            assertSays(cache, wal, from, to);
            assertSays(cache, wal, SEGMENT.startOf(from), Lsn.min(end, SEGMENT.endOf(to)));
        }
    }

    private static long mainBlocks(BlockWal wal, Lsn from, Lsn to) {
        return wal.expected(from, to).keySet().stream().filter(block -> block.fork() == 0).count();
    }

    static boolean has(WalCache cache, SegmentId id) {
        return cache.changeIndex().has(SegmentFiles.WAL, id);
    }

    @Test
    void theVerifierMakesItAsWalComesAndWhatIsAskedNeedsNone() throws Exception {
        blocks.random(5 * MB / 2);
        blocks.heap(2, 3 * MB);
        blocks.random(3 * MB / 2);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN);
                WalVerifier verifier = verifier(cache, ORIGIN)) {
            append(cache, blocks);
            assertSaysWhateverIsAsked(cache, blocks, ORIGIN);
            assertEquals(0, cache.changeIndex().bytes());
            verifier.start();
            await("the segments before the long record", () -> has(cache, FIRST) && has(cache, FIRST.next()) && has(cache, FIRST.next().next()));
            await("all to be read", () -> verifier.verified().upTo().equals(blocks.wal().end()));
            assertFalse(has(cache, FIRST.next().next().next()), "a record that goes through it");
            assertSaysWhateverIsAsked(cache, blocks, ORIGIN);
            assertTrue(cache.changeIndex().bytes() > 0 && cache.changeIndex().bytes() < MB);
            assertEquals(cache.files().all().size() * (long) MB + cache.changeIndex().bytes(), cache.diskBytes());
        }
    }

    @Test
    void whatIsNotThereIsSaid() throws Exception {
        blocks.random(2 * MB);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN)) {
            append(cache, blocks);
            Lsn end = blocks.wal().end();
            TimelineHistory own = blocks.wal().history();
            assertEquals(new ChangeIndex.NotHeld(end), cache.changeIndex().changes(own, ORIGIN, end.plus(8)));
            assertEquals(new ChangeIndex.NotHeld(ORIGIN.plus(-8)), cache.changeIndex().changes(own, ORIGIN.plus(-8), end));
            TimelineHistory other = TimelineHistory.root(TimelineId.of(7));
            assertEquals(new ChangeIndex.NotHeld(ORIGIN), cache.changeIndex().changes(other, ORIGIN, end));
            assertEquals(List.of(), read(cache, own, end, end));
            // The record is there, its end is not.
            Lsn last = blocks.heap(1, 20_000);
            Caches.append(cache, blocks.wal(), end, last.plus(9_000));
            cache.writer().publish();
            assertThrows(IOException.class, () -> read(cache, own, end, last.plus(8)));
        }
    }

    /**
     * <pre>
     *   wal/      1 │ 1 │ 1 ┬ 2 │ 2 │ 2
     *   orphans/            └ 1 │ 1 │
     * </pre>
     */
    @Test
    void bothSidesOfAForkHaveTheirOwn() throws Exception {
        blocks.random(MB);
        Lsn redo = blocks.wal().end();
        blocks.random(MB / 4).checkpoint(redo);
        blocks.random(MB / 4);
        Lsn fork = blocks.wal().end();
        BlockWal lost = blocks;
        BlockWal won = lost.after(blocks.wal().promoted(TimelineId.of(2), fork), seed + 1);
        lost.random(2 * MB);
        won.random(3 * MB);
        try (WalCache cache = Caches.create(disk, lost.wal(), ORIGIN);
                WalVerifier verifier = verifier(cache, ORIGIN)) {
            append(cache, lost);
            verifier.start();
            await("the first side", () -> verifier.verified().upTo().equals(lost.wal().end()));
            cache.follow(won.wal().history(), Caches.historyText(won.wal().history()), ORIGIN);
            append(cache, won);
            await("the second side", () -> verifier.verified().upTo().equals(won.wal().end()));
            SegmentId forks = FIRST.next();
            await("the fork's segment", () -> has(cache, new SegmentId(TimelineId.of(2), forks.number())));
            assertFalse(has(cache, forks));
            assertTrue(cache.changeIndex().has(SegmentFiles.orphanDirectory(lost.wal().history()), forks), "it went with its segment");
            assertSaysWhateverIsAsked(cache, won, ORIGIN);
            assertSaysWhateverIsAsked(cache, lost, ORIGIN);
            Orphan orphan = cache.orphans().getFirst();
            assertEquals(mainBlocks(lost, redo, orphan.end()), cache.changeIndex().blocksToRewind(orphan, lost.wal().end()).orElseThrow());
            assertEquals(mainBlocks(lost, redo, fork.plus(MB)), cache.changeIndex().blocksToRewind(orphan, fork.plus(MB)).orElseThrow());
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertTrue(cache.changeIndex().has(SegmentFiles.orphanDirectory(lost.wal().history()), FIRST.next()));
            assertSaysWhateverIsAsked(cache, won, ORIGIN);
            assertSaysWhateverIsAsked(cache, lost, ORIGIN);
        }
    }

    @Test
    void whatHasNoneGetsOneInTheBackground() throws Exception {
        blocks.random(3 * MB);
        blocks.heap(1, 2 * MB + 100);
        blocks.random(2 * MB);
        long segments = SEGMENT.segmentNumber(blocks.wal().end()) - FIRST.number();
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN)) {
            append(cache, blocks);
        }
        spoilAfter(() -> {
            try (WalCache cache = Caches.reopen(disk);
                    WalVerifier verifier = verifier(cache, SEGMENT.startOf(blocks.wal().end()));
                    HeldIndexing indexing = cache.heldIndexing(verifier)) {
                assertFalse(has(cache, FIRST), "made by none");
                verifier.start();
                indexing.start();
                await("all to be indexed", () -> indexed(cache) == segments);
                assertSaysWhateverIsAsked(cache, blocks, ORIGIN);
            }
        });
        // Damaged while the relay was down.
        try (WalCache cache = Caches.reopen(disk);
                WalVerifier verifier = verifier(cache, SEGMENT.startOf(blocks.wal().end()));
                HeldIndexing indexing = cache.heldIndexing(verifier)) {
            assertEquals(segments, indexed(cache), "taken over");
            assertSays(cache, blocks, ORIGIN, blocks.wal().end());
            assertFalse(has(cache, FIRST), "found to be damaged");
            verifier.start();
            indexing.start();
            await("all to be indexed again", () -> indexed(cache) == segments);
        }
    }

    private interface Part {
        void run() throws Exception;
    }

    private void spoilAfter(Part part) throws Exception {
        part.run();
        try (Storage.File file = disk.open("wal/000000010000000000000010.changes")) {
            ByteBuffer one = ByteBuffer.allocate(1);
            file.read(one, 40);
            one.put(0, (byte) ~one.get(0));
            file.write(one.flip(), 40);
        }
    }

    private static long indexed(WalCache cache) {
        return cache.files().all().stream().filter(held -> has(cache, held.id())).count();
    }

    /** What a part changes has to fit in the memory of a small relay: large segments have several. */
    @Test
    void largeSegmentsAreIndexedInParts() throws Exception {
        SegmentSize large = new SegmentSize(64 * MB);
        Lsn begin = Lsn.parse("0/8000000");
        BlockWal wal = new BlockWal(WalCraft.begin(large, Caches.SYSTEM, begin, seed), seed);
        wal.random(MB);
        wal.heap(2, 35 * MB);
        wal.random(20 * MB);
        wal.heap(1, 17 * MB);
        wal.random(MB);
        assertTrue(large.segmentNumber(wal.wal().end()) > large.segmentNumber(begin));
        SegmentId first = SegmentId.at(TimelineId.of(1), begin, large);
        for (boolean byVerifier : List.of(true, false)) {
            CrashableStorage own = new CrashableStorage();
            try (WalCache cache = WalCache.create(Tiers.local(own, Caches.SETTINGS), Caches.SYSTEM, large, wal.wal().history(), begin);
                    WalVerifier verifier = verifier(cache, byVerifier ? begin : first.end(large));
                    HeldIndexing indexing = cache.heldIndexing(verifier)) {
                append(cache, wal);
                if (byVerifier) {
                    verifier.start();
                } else {
                    indexing.start();
                }
                await("the index", () -> has(cache, first));
                if (byVerifier) {
                    indexing.start(); // It has nothing to do, and is closed.
                }
                try (ChangeIndex.Stretch parts = assertInstanceOf(ChangeIndex.Stretch.class, cache.changeIndex().changes(wal.wal().history(), begin, first.end(large)))) {
                    long all = 0;
                    for (int i = 0; i < 4; i++) {
                        all += parts.next().orElseThrow().records();
                    }
                    assertEquals(wal.wal().recordStarts().stream().filter(at -> at.isBefore(first.end(large))).count(), all);
                    assertEquals(Optional.empty(), parts.next());
                }
                assertEquals(1, cache.changeIndex().summary().segments());
                assertSays(cache, wal, begin, wal.wal().end());
                assertSays(cache, wal, begin.plus(16 * MB), wal.wal().end().plus(-MB));
            }
        }
    }

    @Test
    void anIndexGoesWithItsSegment() throws Exception {
        blocks.random(3 * MB);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN);
                WalVerifier verifier = verifier(cache, ORIGIN)) {
            append(cache, blocks);
            verifier.start();
            await("the first segments", () -> has(cache, FIRST) && has(cache, FIRST.next()));
            cache.files().delete(FIRST);
            assertFalse(has(cache, FIRST));
            assertFalse(disk.exists("wal/000000010000000000000010.changes"));
            assertTrue(disk.exists("wal/000000010000000000000011.changes"));
        }
    }

    /** Clocks and commits are not in the same order: the first commit in the log that is not before the time counts. */
    @Test
    void timesHaveTheirCommit() throws Exception {
        Instant begin = Instant.parse("2000-01-01T00:00:00Z");
        Lsn first = blocks.commit(5_000_000);
        blocks.random(3 * MB / 2);
        Lsn late = blocks.commit(20_000_000);
        Lsn early = blocks.commit(19_000_000);
        blocks.random(2 * MB);
        Lsn last = blocks.commit(30_000_000);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN);
                WalVerifier verifier = verifier(cache, ORIGIN)) {
            append(cache, blocks);
            for (int round = 0; round < 2; round++) {
                assertEquals(Optional.of(first), commit(cache, begin));
                assertEquals(Optional.of(first), commit(cache, begin.plusSeconds(5)));
                assertEquals(Optional.of(late), commit(cache, begin.plusSeconds(6)));
                assertEquals(Optional.of(late), commit(cache, begin.plusSeconds(20)));
                assertEquals(Optional.of(last), commit(cache, begin.plusSeconds(20).plusNanos(1_000)));
                assertEquals(Optional.empty(), commit(cache, begin.plusSeconds(31)));
                if (round == 0) {
                    verifier.start();
                    await("the index", () -> has(cache, FIRST.next().next()));
                }
            }
            assertTrue(early.isAfter(late));
            ChangeIndex.Commit commit = cache.changeIndex().firstCommit(begin.plusSeconds(6)).orElseThrow();
            assertEquals(early, commit.end());
            assertEquals(begin.plusSeconds(20), commit.time());
            assertEquals(FIRST.next(), commit.segment());
        }
    }

    private static Optional<Lsn> commit(WalCache cache, Instant time) throws IOException {
        return cache.changeIndex().firstCommit(time).map(ChangeIndex.Commit::at);
    }

    @Test
    void theSummaryIsOfWhatHasAnIndex() throws Exception {
        blocks.random(5 * MB / 2);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN);
                WalVerifier verifier = verifier(cache, ORIGIN)) {
            append(cache, blocks);
            ChangeIndex.Summary none = cache.changeIndex().summary();
            assertEquals(List.of(0, 2, 0L), List.of(none.segments(), none.others(), none.changes().records()));
            verifier.start();
            await("the index", () -> has(cache, FIRST) && has(cache, FIRST.next()));
            ChangeIndex.Summary two = cache.changeIndex().summary();
            Lsn end = FIRST.next().end(SEGMENT);
            long records = blocks.wal().recordStarts().stream().filter(at -> at.isBefore(end)).count();
            assertEquals(List.of(2, 0, records), List.of(two.segments(), two.others(), two.changes().records()));
            ChangeIndex.Summary newest = cache.changeIndex().summary(end.plus(-1));
            long later = records - blocks.wal().recordStarts().stream().filter(at -> at.isBefore(FIRST.end(SEGMENT))).count();
            assertEquals(List.of(1, 0, later), List.of(newest.segments(), newest.others(), newest.changes().records()));
            assertEquals(2, cache.changeIndex().summary(Lsn.parse("0/1")).segments(), "what is not held any more is left out");
        }
    }

    @Test
    void anIndexThatWasNotOnTheDiskYetIsMadeAgainAfterACrash() throws Exception {
        blocks.random(3 * MB);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN);
                WalVerifier verifier = verifier(cache, ORIGIN)) {
            append(cache, blocks);
            verifier.start();
            await("the index", () -> has(cache, FIRST) && has(cache, FIRST.next()));
        }
        for (int i = 0; i < 20; i++) {
            try (WalCache cache = Caches.reopen(disk.copyAfterCrash(seed + i));
                    WalVerifier verifier = verifier(cache, SEGMENT.startOf(cache.end().written()));
                    HeldIndexing indexing = cache.heldIndexing(verifier)) {
                assertSays(cache, blocks, ORIGIN, blocks.wal().lastRecordEndAt(cache.end().written()));
                indexing.start();
                await("the index", () -> has(cache, FIRST) && has(cache, FIRST.next()));
                assertSays(cache, blocks, ORIGIN, blocks.wal().lastRecordEndAt(cache.end().written()));
            }
        }
    }
}
