package io.walrelay.cache;

import static io.walrelay.cache.Caches.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.HotStandbyNeeds.Parameters;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.format.WalLevel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** What the verifier's reading comes to, over restarts, forks and gaps. */
final class HotStandbyWatchTest {

    private static final int RM_XLOG = 0;
    private static final int RM_STANDBY = 8;
    private static final int PARAMETER_CHANGE = 0x60;
    private static final int RUNNING_XACTS = 0x10;

    private final CrashableStorage disk = new CrashableStorage();

    /** Each event as "before to now". */
    private final List<String> told = new CopyOnWriteArrayList<>();

    private static ServerParameters connections(int number) {
        return new ServerParameters(number, 8, 10, 0, 64, WalLevel.REPLICA, false, true);
    }

    /** A record of main data alone. */
    private static WalCraft record(WalCraft wal, int resourceManager, int info, ByteBuffer main) {
        byte[] data = new byte[main.capacity()];
        main.rewind().get(data);
        ByteBuffer payload = ByteBuffer.allocate(2 + data.length).put((byte) 0xFF).put((byte) data.length).put(data);
        return wal.record(resourceManager, info, payload.array());
    }

    private static ByteBuffer main(int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static WalCraft connections(WalCraft wal, int number) {
        return record(wal, RM_XLOG, PARAMETER_CHANGE, main(26).putInt(number).putInt(8).putInt(10).putInt(0).putInt(64).putInt(1).put((byte) 0).put((byte) 1));
    }

    private static Lsn last(WalCraft wal) {
        return wal.recordStarts().getLast();
    }

    private static void append(WalCache cache, WalCraft wal, Lsn from) throws Exception {
        Caches.append(cache, wal, from, wal.end());
        cache.writer().publish();
        cache.writer().flush();
    }

    /** Reads to the end of WAL. */
    private HotStandbyNeeds read(WalCache cache) {
        cache.hotStandby().listen((before, now) ->
                told.add("%s to %d".formatted(before.map(p -> p.values().maxConnections()).map(String::valueOf).orElse("?"), now.values().maxConnections())));
        try (WalVerifier verifier = cache.verifier(ORIGIN, new NoDamage())) {
            verifier.start();
            await(cache, () -> verifier.verified().upTo().equals(cache.end().written()));
        }
        return cache.hotStandby().needs();
    }

    private static void await(WalCache cache, BooleanSupplier condition) {
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < limit, () -> "not so in 20 s: " + cache.hotStandby().needs());
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Nothing is damaged here. */
    private static final class NoDamage implements WalVerifier.Remedy {
        @Override
        public void found(WalVerifier.Damage damage) {
            throw new AssertionError(damage.toString());
        }

        @Override
        public WalVerifier.Again fetchAgain(WalVerifier.Damage damage, Lsn from, Lsn end) {
            return WalVerifier.Again.SAME;
        }

        @Override
        public void lasting(WalVerifier.Damage damage, WalVerifier.Again why) {
            throw new AssertionError(damage.toString());
        }
    }

    @Test
    void eachChangeIsToldOnceAlsoWhenItIsReadAgain() throws Exception {
        WalCraft wal = connections(Caches.craft(1).randomRecords(200, 3_000), 200);
        Lsn first = last(wal);
        connections(wal.randomRecords(200, 3_000), 200);
        connections(wal, 50);
        Lsn second = last(wal);
        List<Parameters> expected = List.of(
                new Parameters(Lsn.INVALID, Optional.empty(), connections(100)),
                new Parameters(first, Optional.empty(), connections(200)),
                new Parameters(second, Optional.empty(), connections(50)));
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            cache.hotStandby().told(connections(100));
            append(cache, wal, ORIGIN);
            assertEquals(expected, read(cache).parameters());
            assertEquals(List.of("100 to 200", "200 to 50"), told);
            cache.hotStandby().told(connections(50));
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(expected, cache.hotStandby().needs().parameters(), "remembered");
            cache.hotStandby().told(connections(70));
            assertEquals(expected, read(cache).parameters());
            assertEquals(2, told.size(), told::toString);
        }
    }

    @Test
    void anOverflowIsSeen() throws Exception {
        WalCraft wal = Caches.craft(2).randomRecords(50, 300);
        record(wal, RM_STANDBY, RUNNING_XACTS, main(24).putInt(1).putInt(0).putInt(1).putInt(900).putInt(800).putInt(899));
        Lsn overflow = last(wal);
        record(wal, RM_STANDBY, RUNNING_XACTS, main(24).putInt(0).putInt(0).putInt(0).putInt(901).putInt(901).putInt(900));
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            append(cache, wal, ORIGIN);
            HotStandbyNeeds needs = read(cache);
            assertEquals(Optional.of(last(wal)), needs.snapshot().map(HotStandbyNeeds.Snapshot::at));
            assertEquals(Optional.of(overflow), needs.overflowed().map(HotStandbyNeeds.Snapshot::at));
        }
    }

    @Test
    void aPromotionTakesBackWhatIsPastTheFork() throws Exception {
        WalCraft one = connections(Caches.craft(3).randomRecords(100, 300), 200);
        Lsn fork = one.end();
        Lsn kept = last(one);
        connections(one.randomRecords(100, 300), 300);
        WalCraft two = one.promoted(TimelineId.of(2), fork);
        connections(two.randomRecords(10, 300), 250);
        try (WalCache cache = Caches.create(disk, one, ORIGIN)) {
            append(cache, one, ORIGIN);
            read(cache);
            TimelineHistory lineage = two.history();
            cache.follow(lineage, Caches.historyText(lineage), fork);
            append(cache, two, cache.end().written());
            HotStandbyNeeds needs = read(cache);
            assertEquals(List.of(kept, last(two)), needs.parameters().stream().map(Parameters::at).toList());
            assertEquals(lineage, needs.lineage());
            assertEquals(List.of("? to 200", "200 to 300", "200 to 250"), told);
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(List.of(kept, last(two)), cache.hotStandby().needs().parameters().stream().map(Parameters::at).toList());
        }
    }

    @Test
    void afterAGapThePrimarysWordCounts() throws Exception {
        WalCraft wal = connections(Caches.craft(4).randomRecords(100, 300), 200);
        Lsn before = wal.end();
        wal.randomRecords(400, 30_000);
        Lsn after = Caches.SEGMENT.endOf(before);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            cache.hotStandby().told(connections(100));
            Caches.append(cache, wal, ORIGIN, before);
            cache.writer().publish();
            cache.writer().flush();
            try (WalVerifier verifier = cache.verifier(ORIGIN, new NoDamage())) {
                verifier.start();
                await(cache, () -> cache.hotStandby().needs().parameters().size() == 2);
                cache.hotStandby().told(connections(500));
                assertEquals(200, cache.hotStandby().needs().inForce().orElseThrow().values().maxConnections());
                cache.skipTo(after);
                append(cache, wal, after);
                await(cache, () -> verifier.verified().upTo().equals(cache.end().written()));
                assertEquals(List.of(new Parameters(Lsn.INVALID, Optional.empty(), connections(500))), cache.hotStandby().needs().parameters());
            }
        }
    }

    @Test
    void aFileThatCantBeReadIsNoReasonNotToStart() throws Exception {
        WalCraft wal = connections(Caches.craft(5), 200);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            append(cache, wal, ORIGIN);
            read(cache);
        }
        new DurableFiles(disk).writePlain("parameters", new byte[] {1, 2, 3});
        try (WalCache cache = Caches.reopen(disk)) {
            assertEquals(List.of(), cache.hotStandby().needs().parameters());
            assertEquals(connections(200), read(cache).inForce().orElseThrow().values());
        }
    }
}
