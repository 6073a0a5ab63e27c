package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.retention.Retention;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Everything that may be freed is freed, and the relay starts again: it finds its end where it was. */
class FreedAndReopenedTest {

    private static final Instant MUCH_LATER = Instant.parse("2100-01-01T00:00:00Z");

    private final CrashableStorage disk = new CrashableStorage();

    @Test
    void aRecordThatEndsWithItsSegmentLeavesNothingElseToStartFrom() throws Exception {
        WalCraft wal = Caches.craft(1).record(2 * MB + 300_000).randomRecords(20, 3_000).switchSegment().randomRecords(20, 3_000);
        comesBack(wal, wal.end());
    }

    @Test
    void theEndItselfIsTheEndOfASegment() throws Exception {
        WalCraft wal = Caches.craft(2).record(2 * MB).randomRecords(20, 3_000).switchSegment();
        comesBack(wal, wal.end());
    }

    @Test
    void aRecordSpansManySegments() throws Exception {
        WalCraft wal = Caches.craft(3).randomRecords(200, 30_000).record(5 * MB).randomRecords(20, 3_000);
        comesBack(wal, wal.end());
    }

    @Test
    void theStreamEndsInsideARecord() throws Exception {
        WalCraft wal = Caches.craft(4).randomRecords(200, 30_000).record(5 * MB);
        comesBack(wal, wal.end().plus(-MB));
    }

    @Test
    void aTimelineHasJustBegun() throws Exception {
        WalCraft one = Caches.craft(5).record(2 * MB).randomRecords(20, 3_000);
        WalCraft two = one.promoted(new TimelineId(2), one.end()).randomRecords(5, 3_000);
        Lsn acknowledged;
        try (WalCache cache = Caches.create(disk, one, ORIGIN)) {
            Caches.append(cache, one, ORIGIN, one.end());
            cache.writer().publish();
            cache.follow(two.history(), Caches.historyText(two.history()), one.end());
            Caches.append(cache, two, one.end(), two.end());
            cache.writer().publish();
            acknowledged = cache.writer().flush().acknowledgeable();
            cache.retain(MUCH_LATER);
        }
        reopened(two, acknowledged);
    }

    @Test
    void anOrphanStaysWhileItIsEvidenceAndThenGoesLikeAllThatNobodyNeeds() throws Exception {
        WalCraft one = Caches.craft(6).record(2 * MB).randomRecords(20, 3_000);
        Lsn fork = one.recordEnds().get(3);
        WalCraft two = one.promoted(new TimelineId(2), fork).randomRecords(5, 3_000);
        try (WalCache cache = Caches.create(disk, one, ORIGIN)) {
            Caches.append(cache, one, ORIGIN, one.end());
            cache.writer().publish();
            assertTrue(cache.follow(two.history(), Caches.historyText(two.history()), one.end()).orElseThrow().alarming());
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(List.of(), cache.retain(MUCH_LATER).free().stream().filter(s -> s.side() instanceof Retention.Side.Orphan).toList());
            long before = cache.diskBytes();
            cache.acceptOrphans();
            int freed = cache.retain(MUCH_LATER).free().size();
            assertTrue(freed > 0, "an orphan's segments");
            assertEquals(before - (long) freed * MB, cache.diskBytes());
        }
        assertEquals(List.of(), disk.list("orphans/1@0_0-6b86b273"));
    }

    private void comesBack(WalCraft wal, Lsn upTo) throws Exception {
        Lsn acknowledged;
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            for (Lsn at = ORIGIN; at.isBefore(upTo); at = Lsn.min(upTo, at.plus(100_000))) {
                Caches.append(cache, wal, at, Lsn.min(upTo, at.plus(100_000)));
                cache.writer().publish();
                cache.writer().flush();
                cache.retain(MUCH_LATER);
            }
            acknowledged = cache.end().acknowledgeable();
        }
        reopened(wal, acknowledged);
    }

    private void reopened(WalCraft wal, Lsn acknowledged) throws Exception {
        try (WalCache cache = Caches.reopen(disk.crash(7))) {
            assertEquals(acknowledged, cache.end().acknowledgeable(), "where it was");
            Lsn oldest = cache.oldest();
            Caches.append(cache, wal, cache.end().written(), wal.end());
            cache.writer().publish();
            cache.writer().flush();
            assertArrayEquals(wal.bytes(oldest, wal.end()), Caches.read(cache, wal.history(), oldest, wal.end(), SEGMENT.bytes()));
        }
    }
}
