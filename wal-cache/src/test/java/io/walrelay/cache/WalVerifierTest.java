package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.format.WalEnd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

class WalVerifierTest {

    private final CrashableStorage disk = new CrashableStorage();
    private final List<WalVerifier.Damage> found = new CopyOnWriteArrayList<>();
    private final List<WalVerifier.Damage> lasting = new CopyOnWriteArrayList<>();
    private final List<WalVerifier.Verified> spans = new CopyOnWriteArrayList<>();
    private final List<TimelineHistory> followed = new CopyOnWriteArrayList<>();

    /** Upstream as {@code again} has it. */
    private WalVerifier.Remedy remedy(WalCache cache, byte[] again) {
        return new WalVerifier.Remedy() {
            @Override
            public void found(WalVerifier.Damage damage) {
                found.add(damage);
            }

            @Override
            public WalVerifier.Again fetchAgain(WalVerifier.Damage damage, Lsn from, Lsn end) throws IOException {
                ByteBuffer segment = ByteBuffer.wrap(again, (int) from.minus(ORIGIN), (int) end.minus(from)).slice();
                return cache.mend(damage.lineage(), from, segment) ? WalVerifier.Again.MENDED : WalVerifier.Again.SAME;
            }

            @Override
            public void follows(TimelineHistory lineage) {
                followed.add(lineage);
            }

            @Override
            public void verified(WalVerifier.Verified read) {
                spans.add(read);
            }

            @Override
            public void lasting(WalVerifier.Damage damage, WalVerifier.Again why) {
                lasting.add(damage);
            }
        };
    }

    private static void append(WalCache cache, byte[] bytes, Lsn from, Lsn to) throws Exception {
        cache.writer().append(from, Unpooled.wrappedBuffer(bytes, (int) from.minus(ORIGIN), (int) to.minus(from)));
        cache.writer().publish();
    }

    private static void await(WalVerifier verifier, BooleanSupplier condition) {
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < limit, () -> "not so in 20 s: " + verifier.verified());
            LockSupport.parkNanos(1_000_000);
        }
    }

    @Test
    void followsTheEndOfWalThroughRecordsOfAllSizes() throws Exception {
        WalCraft wal = Caches.craft(1).randomRecords(500, 30_000).record(3 * MB).switchSegment().lostRecord(30_000, 2).randomRecords(500, 30_000);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                WalVerifier verifier = cache.verifier(ORIGIN, remedy(cache, wal.bytes()))) {
            verifier.start();
            for (Lsn at = ORIGIN; at.isBefore(wal.end()); at = Lsn.min(wal.end(), at.plus(77_777))) {
                append(cache, wal.bytes(), at, Lsn.min(wal.end(), at.plus(77_777)));
            }
            await(verifier, () -> verifier.verified().upTo().equals(wal.end()));
            assertEquals(List.of(), found);
        }
    }

    @Test
    void damageThatUpstreamHasNotIsMended() throws Exception {
        WalCraft wal = Caches.craft(2).randomRecords(400, 300_000);
        byte[] damaged = wal.bytes();
        Lsn record = wal.recordStarts().get(wal.recordStarts().size() / 2);
        damaged[(int) record.minus(ORIGIN) + 30] ^= 1;
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                WalVerifier verifier = cache.verifier(ORIGIN, remedy(cache, wal.bytes()))) {
            append(cache, damaged, ORIGIN, wal.end());
            verifier.start();
            await(verifier, () -> verifier.verified().upTo().equals(wal.end()));
            assertEquals(1, found.size());
            assertEquals(record, found.getFirst().at());
            assertInstanceOf(WalEnd.BadChecksum.class, found.getFirst().flaw());
            assertEquals(List.of(), lasting);
            assertArrayEquals(wal.bytes(), Caches.read(cache, wal.history(), ORIGIN, wal.end(), 128 << 10));
        }
    }

    /** The first bytes of the record are good: what rotted is in the segment that it goes on in. */
    @Test
    void theRestOfARecordThatCrossesIntoTheNextSegmentIsMended() throws Exception {
        WalCraft wal = Caches.craft(5).randomRecords(300, 20_000).record(2 * MB).randomRecords(100, 20_000);
        int longest = 0;
        for (int i = 0; i < wal.recordStarts().size(); i++) {
            longest = wal.recordEnds().get(i).minus(wal.recordStarts().get(i)) > MB ? i : longest;
        }
        Lsn rotten = wal.recordEnds().get(longest).plus(-500);
        byte[] damaged = wal.bytes();
        damaged[(int) rotten.minus(ORIGIN)] ^= 1;
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                WalVerifier verifier = cache.verifier(ORIGIN, remedy(cache, wal.bytes()))) {
            append(cache, damaged, ORIGIN, wal.end());
            verifier.start();
            await(verifier, () -> verifier.verified().upTo().equals(wal.end()));
            assertEquals(1, found.size());
            assertEquals(List.of(), lasting);
            assertArrayEquals(wal.bytes(), Caches.read(cache, wal.history(), ORIGIN, wal.end(), 128 << 10));
        }
    }

    @Test
    void upstreamsOwnDamageIsToldAndTheNextSegmentsAreVerified() throws Exception {
        WalCraft wal = Caches.craft(3).randomRecords(400, 300_000);
        byte[] damaged = wal.bytes();
        Lsn record = wal.recordStarts().get(wal.recordStarts().size() / 2);
        damaged[(int) record.minus(ORIGIN) + 30] ^= 1;
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                WalVerifier verifier = cache.verifier(ORIGIN, remedy(cache, damaged))) {
            append(cache, damaged, ORIGIN, wal.end());
            verifier.start();
            await(verifier, () -> verifier.verified().upTo().equals(wal.end()));
            assertEquals(found, lasting);
            assertEquals(record, lasting.getFirst().at());
            await(verifier, () -> readUpTo(wal.end()));
            KnownDamage.Place place = new KnownDamage.Place(wal.history(), record);
            assertTrue(spans.stream().noneMatch(read -> place.isGoodBy(read, SEGMENT)), spans::toString);
        }
    }

    @Test
    void whatIsGoodNowWasReadFromBeforeIt() throws Exception {
        WalCraft wal = Caches.craft(6).randomRecords(400, 300_000);
        Lsn record = wal.recordStarts().get(wal.recordStarts().size() / 2);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                WalVerifier verifier = cache.verifier(SEGMENT.startOf(record), remedy(cache, wal.bytes()))) {
            append(cache, wal.bytes(), ORIGIN, wal.end());
            verifier.start();
            await(verifier, () -> readUpTo(wal.end()));
            KnownDamage.Place place = new KnownDamage.Place(wal.history(), record);
            assertTrue(place.isGoodBy(spans.getLast(), SEGMENT), spans::toString);
        }
    }

    /** It was damaged as an earlier run found it, and its segment went before this one came to it. */
    @Test
    void whatWasFreedBeforeItWasReadIsNotCalledGood() throws Exception {
        WalCraft wal = Caches.craft(7).randomRecords(400, 300_000);
        Lsn record = wal.recordStarts().get(1);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN);
                WalVerifier verifier = cache.verifier(ORIGIN, remedy(cache, wal.bytes()))) {
            append(cache, wal.bytes(), ORIGIN, wal.end());
            cache.writer().flush();
            cache.retain(Instant.parse("2100-01-01T00:00:00Z"));
            assertTrue(cache.oldest().isAfter(record));
            verifier.start();
            await(verifier, () -> readUpTo(wal.end()));
            KnownDamage.Place place = new KnownDamage.Place(wal.history(), record);
            assertTrue(spans.stream().noneMatch(read -> place.isGoodBy(read, SEGMENT)), spans::toString);
        }
    }

    private boolean readUpTo(Lsn end) {
        return spans.stream().anyMatch(read -> read.upTo().equals(end));
    }

    @Test
    void goesOnAfterAGapAndOnAnotherTimeline() throws Exception {
        WalCraft one = Caches.craft(4).randomRecords(400, 300_000);
        Lsn lost = ORIGIN.plus(MB + 5_000);
        Lsn found = ORIGIN.plus(3 * MB);
        Lsn fork = one.lastRecordEndAt(ORIGIN.plus(4 * MB + 300_000));
        WalCraft two = one.promoted(new TimelineId(2), fork).randomRecords(200, 300_000);
        try (WalCache cache = Caches.create(disk, one, ORIGIN);
                WalVerifier verifier = cache.verifier(ORIGIN, remedy(cache, one.bytes()))) {
            verifier.start();
            append(cache, one.bytes(), ORIGIN, lost);
            cache.skipTo(found);
            append(cache, one.bytes(), found, one.end());
            await(verifier, () -> verifier.verified().upTo().equals(one.end()));
            cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN);
            append(cache, two.bytes(), fork, two.end());
            await(verifier, () -> verifier.verified().lineage().equals(two.history()) && verifier.verified().upTo().equals(two.end()));
            assertEquals(fork, verifier.verifiedOn(one.history()));
            assertEquals(two.history(), followed.getLast());
            await(verifier, () -> readUpTo(two.end()));
            assertEquals(found, spans.getLast().from());
            assertEquals(List.of(), this.found);
        }
    }
}
