package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.index.BlockWal;
import io.walrelay.cache.index.Changes;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.Storage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.FirstChanges;
import io.walrelay.wal.format.RelationFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** What a rewind asks of the index: a stretch as one, and by which checksum its segments are told. */
class MergedChangesTest {

    private static final int EXTENSION = 200;

    /** Made of a database's files. */
    private record Copy(Lsn at, int tablespace, int database) {}

    private final CrashableStorage disk = new CrashableStorage();
    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final BlockWal blocks = new BlockWal(Caches.craft(seed), seed);
    private final List<Copy> copies = new ArrayList<>();
    private final List<Lsn> unknown = new ArrayList<>();

    /** dbcommands_xlog.h, xl_dbase_create_file_copy_rec */
    private void copyDatabase(int tablespace, int database) {
        ByteBuffer body = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putInt(99).putInt(1663).putInt(database).putInt(tablespace);
        copies.add(new Copy(blocks.main(4, 0x01, body.array()), tablespace, database));
    }

    private boolean isRead(RelationFile relation, Lsn from, Lsn by) {
        return unknown.stream().anyMatch(at -> at.isAtLeast(from) && at.isAtMost(by))
                || copies.stream().anyMatch(copy -> copy.tablespace == relation.tablespace() && copy.database == relation.database()
                        && copy.at.isAtLeast(from) && copy.at.isAtMost(by));
    }

    /** Of main forks, whether it does not matter what was in them. */
    private Map<BlockWal.Block, Boolean> expected(Lsn from, Lsn to) {
        Map<BlockWal.Block, Boolean> expected = new LinkedHashMap<>();
        blocks.expected(from, to).forEach((block, first) -> {
            if (block.fork() == 0) {
                expected.put(block, first.wholePage() && !isRead(block.relation(), from, first.at()));
            }
        });
        return expected;
    }

    private Map<BlockWal.Block, Boolean> merged(WalCache cache, Lsn from, Lsn to) throws IOException {
        FirstChanges firsts = new FirstChanges();
        try (ChangeIndex.Stretch stretch = assertInstanceOf(ChangeIndex.Stretch.class, cache.changeIndex().changes(blocks.wal().history(), from, to))) {
            for (Optional<Changes> next = stretch.next(); next.isPresent(); next = stretch.next()) {
                next.get().addTo(firsts);
            }
        }
        Map<BlockWal.Block, Boolean> found = new LinkedHashMap<>();
        firsts.drain((relation, first, count, whole) -> {
            for (int i = 0; i < count; i++) {
                found.put(new BlockWal.Block(relation, 0, first + i), whole);
            }
        });
        return found;
    }

    private void assertMerged(WalCache cache, Lsn from, Lsn to) throws IOException {
        assertTrue(expected(from, to).equals(merged(cache, from, to)), () -> "from %s to %s, seed %d".formatted(from, to, seed));
    }

    private void assertMergedWhateverIsAsked(WalCache cache) throws IOException {
        Lsn end = blocks.wal().end();
        assertMerged(cache, ORIGIN, end);
        for (int i = 0; i < 30; i++) {
            Lsn from = ORIGIN.plus(random.nextLong(end.minus(ORIGIN)));
            Lsn to = from.plus(random.nextLong(end.minus(from) + 1));
            assertMerged(cache, from, to);
            assertMerged(cache, SEGMENT.startOf(from), Lsn.min(end, SEGMENT.endOf(to)));
        }
    }

    /** In a segment's index blocks and what else is changed are apart, although one read the other in between. */
    @Test
    void aStretchIsAsItsRecordsSay() throws Exception {
        for (int i = 0; i < 12; i++) {
            blocks.random(MB / 3);
            if (random.nextInt(3) == 0) {
                copyDatabase(random.nextBoolean() ? 1663 : -2, random.nextInt(4) == 0 ? 6 : 5);
            }
        }
        unknown.add(blocks.main(EXTENSION, 0x30, new byte[8]));
        blocks.random(MB + MB / 2);
        SegmentId first = SegmentId.at(TimelineId.of(1), ORIGIN, SEGMENT);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN);
                WalVerifier verifier = ChangeIndexTest.verifier(cache, ORIGIN)) {
            ChangeIndexTest.append(cache, blocks);
            assertMergedWhateverIsAsked(cache);
            verifier.start();
            ChangeIndexTest.await("the index", () -> ChangeIndexTest.has(cache, first.next().next().next()) && verifier.verified().upTo().equals(blocks.wal().end()));
            assertMergedWhateverIsAsked(cache);
        }
    }

    @Test
    void segmentsHaveTheirChecksumAndTheirLastCheckpoint() throws Exception {
        blocks.checkpoint(ORIGIN);
        Lsn checkpoint = blocks.checkpoint(ORIGIN);
        blocks.random(7 * MB / 2);
        SegmentId first = SegmentId.at(TimelineId.of(1), ORIGIN, SEGMENT);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN);
                WalVerifier verifier = ChangeIndexTest.verifier(cache, ORIGIN)) {
            ChangeIndexTest.append(cache, blocks);
            Lsn end = blocks.wal().end();
            assertEquals(List.of(), cache.changeIndex().segments(blocks.wal().history(), ORIGIN, end));
            verifier.start();
            ChangeIndexTest.await("the index", () -> ChangeIndexTest.has(cache, first.next().next()));
            List<ChangeIndex.Segment> segments = cache.changeIndex().segments(blocks.wal().history(), ORIGIN.plus(100), end);
            assertEquals(
                    List.of(
                            new ChangeIndex.Segment(first, ORIGIN, crc32c(first), Optional.of(checkpoint)),
                            new ChangeIndex.Segment(first.next(), ORIGIN.plus(MB), crc32c(first.next()), Optional.empty()),
                            new ChangeIndex.Segment(first.next().next(), ORIGIN.plus(2 * MB), crc32c(first.next().next()), Optional.empty())),
                    segments);
            CRC32C beginning = new CRC32C();
            beginning.update(blocks.wal().segment(first.number() + 3), 0, SEGMENT.offset(end));
            SegmentId last = SegmentId.at(TimelineId.of(1), end, SEGMENT);
            assertEquals(
                    Optional.of(new ChangeIndex.Segment(last, SEGMENT.startOf(end), (int) beginning.getValue(), Optional.empty())),
                    cache.changeIndex().beginning(blocks.wal().history(), end));
            assertEquals(Optional.empty(), cache.changeIndex().beginning(blocks.wal().history(), end.plus(8)));
        }
    }

    private int crc32c(SegmentId id) {
        CRC32C crc = new CRC32C();
        crc.update(blocks.wal().segment(id.number()));
        return (int) crc.getValue();
    }

    /** Else it would be found out when somebody asks, who then gets none. */
    @Test
    void anIndexOfAnEarlierVersionIsGoneFromTheStart() throws Exception {
        blocks.random(5 * MB / 2);
        SegmentId first = SegmentId.at(TimelineId.of(1), ORIGIN, SEGMENT);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN);
                WalVerifier verifier = ChangeIndexTest.verifier(cache, ORIGIN)) {
            ChangeIndexTest.append(cache, blocks);
            verifier.start();
            ChangeIndexTest.await("the index", () -> ChangeIndexTest.has(cache, first) && ChangeIndexTest.has(cache, first.next()));
        }
        try (Storage.File file = disk.open("wal/000000010000000000000010.changes")) {
            file.write(ByteBuffer.allocate(4).putInt(1).flip(), 8);
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertFalse(ChangeIndexTest.has(cache, first));
            assertTrue(ChangeIndexTest.has(cache, first.next()));
        }
    }

    @Test
    void recordsAreHeldToTheEndOfTheLastThatIsWhole() throws Exception {
        blocks.random(MB / 2);
        Lsn end = blocks.wal().end();
        blocks.heap(1, 2 * MB);
        try (WalCache cache = Caches.create(disk, blocks.wal(), ORIGIN)) {
            Caches.append(cache, blocks.wal(), ORIGIN, end.plus(MB));
            cache.writer().publish();
            assertEquals(end, cache.changeIndex().lastRecordEnd(blocks.wal().history(), ORIGIN));
            assertEquals(end, cache.changeIndex().lastRecordEnd(blocks.wal().history(), end));
            Caches.append(cache, blocks.wal(), end.plus(MB), blocks.wal().end());
            cache.writer().publish();
            assertEquals(blocks.wal().end(), cache.changeIndex().lastRecordEnd(blocks.wal().history(), ORIGIN));
            Lsn nothing = ORIGIN.plus(100 * MB);
            assertEquals(nothing, cache.changeIndex().lastRecordEnd(blocks.wal().history(), nothing));
        }
    }
}
