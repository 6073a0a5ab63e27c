package io.walrelay.proxy.relay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.Unpooled;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.KnownDamage;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalVerifier;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.proxy.config.Verify;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AcknowledgedBeforeTest {

    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final SystemId SYSTEM = new SystemId(7);
    private static final Lsn ORIGIN = Lsn.parse("0/1000000");

    private final CrashableStorage disk = new CrashableStorage();
    private final WalCraft wal = WalCraft.begin(SEGMENT, SYSTEM, ORIGIN, 1).randomRecords(100, 100_000);
    private final Lsn damaged = wal.recordStarts().get(wal.recordStarts().size() / 2);
    private final KnownDamage.Place place = new KnownDamage.Place(wal.history(), damaged);
    private final RelayState state = new RelayState(
            Clock.systemUTC(),
            new UpstreamStatus(UpstreamStatus.State.STREAMING, Optional.empty(), Instant.EPOCH, Lsn.INVALID, Lsn.INVALID, Lsn.INVALID, Optional.empty(), Optional.empty()));
    private WalCache cache;

    @BeforeEach
    void create() throws IOException {
        cache = WalCache.create(
                Tiers.local(disk, new CacheSettings(1 << 20, 1L << 40, Duration.ofHours(1), SlotLimits.upTo(1L << 40), false)), SYSTEM, SEGMENT, wal.history(), ORIGIN);
    }

    @AfterEach
    void close() throws IOException {
        disk.failReads(path -> false);
        cache.close();
    }

    private void receive(WalCraft from, byte[] bytes, Lsn end) throws Exception {
        Lsn at = cache.end().written();
        cache.writer().append(at, Unpooled.wrappedBuffer(bytes, (int) at.minus(from.start()), (int) end.minus(at)));
        cache.writer().publish();
        cache.writer().flush();
    }

    private Lsn acknowledged() {
        return state.reportable(cache).acknowledgeable();
    }

    private static TimelineHistory leftAt(TimelineHistory one, Lsn fork) {
        return one.promoted(new TimelineId(2), fork, "no recovery target specified");
    }

    @Test
    void whatNobodyReadAgainStaysWithheld() throws Exception {
        receive(wal, wal.bytes(), wal.end());
        cache.knownDamage().remember(place);
        AcknowledgedBefore acknowledged = AcknowledgedBefore.begin(state, cache, true);
        assertEquals(SEGMENT.startOf(damaged), acknowledged.verifyFrom(cache));
        acknowledged.verified(new WalVerifier.Verified(wal.history(), SEGMENT.endOf(damaged), wal.end()));
        assertEquals(damaged, acknowledged());
        assertEquals(Optional.of(place), cache.knownDamage().load());
        assertTrue(state.notReady().containsKey(Archiving.DAMAGED));
        acknowledged.verified(new WalVerifier.Verified(wal.history(), SEGMENT.startOf(damaged), wal.end()));
        assertNothingIsWithheld();
    }

    @Test
    void aHistoryWithoutTheDamageIsAcknowledgedOverRestartsToo() throws Exception {
        receive(wal, wal.bytes(), wal.end());
        AcknowledgedBefore acknowledged = AcknowledgedBefore.begin(state, cache, true);
        acknowledged.endAt(place);
        acknowledged.follows(wal.history());
        acknowledged.follows(leftAt(wal.history(), damaged.plus(8)));
        assertEquals(damaged, acknowledged());
        AcknowledgedBefore again = AcknowledgedBefore.begin(state, cache, true);
        assertEquals(damaged, acknowledged());
        again.follows(leftAt(wal.history(), damaged));
        assertNothingIsWithheld();
    }

    @Test
    void aPromotionThatLeavesTheDamageBehindEndsItInTheRunningRelay() throws Exception {
        byte[] spoiled = wal.bytes();
        spoiled[(int) damaged.minus(ORIGIN) + 30] ^= 1;
        try (Archiving archiving = archiving(Verify.ACK)) {
            archiving.begin(cache);
            receive(wal, spoiled, wal.end());
            Await.until("acknowledgement to end at the damage", LIMIT, this::acknowledged, damaged::equals);
            WalCraft promoted = wal.promoted(new TimelineId(2), wal.recordEnds().get(wal.recordEnds().size() / 4)).randomRecords(400, 100_000);
            cache.follow(promoted.history(), promoted.history().format().getBytes(StandardCharsets.US_ASCII), ORIGIN);
            receive(promoted, promoted.bytes(), promoted.end());
            assertTrue(cache.end().acknowledgeable().isAfter(damaged));
            Await.until("all to be acknowledged", LIMIT, this::acknowledged, cache.end().acknowledgeable()::equals);
        }
        assertNothingIsWithheld();
    }

    @Test
    void whereWhatEarlierRunsFoundIsDamagedNothingNewIsAcknowledged() throws Exception {
        new DurableFiles(disk).writePlain("damage", new byte[] {1, 2, 3});
        assertNothingNewIsAcknowledged();
        try (Archiving archiving = archiving(Verify.ARCHIVE)) {
            archiving.begin(cache);
        }
        assertEquals(Optional.empty(), cache.knownDamage().load());
    }

    @Test
    void whereItCannotBeReadNothingNewIsAcknowledgedAndItIsKept() throws Exception {
        cache.knownDamage().remember(place);
        disk.failReads("damage"::equals);
        assertNothingNewIsAcknowledged();
        disk.failReads(path -> false);
        assertEquals(Optional.of(place), cache.knownDamage().load());
    }

    private void assertNothingNewIsAcknowledged() throws Exception {
        receive(wal, wal.bytes(), wal.recordEnds().get(10));
        Lsn end = cache.end().acknowledgeable();
        assertTrue(end.isAfter(ORIGIN));
        try (Archiving archiving = archiving(Verify.ACK)) {
            archiving.begin(cache);
            receive(wal, wal.bytes(), wal.end());
            assertTrue(cache.end().acknowledgeable().isAfter(end));
            assertEquals(end, acknowledged());
            assertEquals(1, state.notReady().size(), state.notReady()::toString);
            assertTrue(state.notReady().getOrDefault(Archiving.DAMAGED, "").contains("nothing from %s on is acknowledged".formatted(end)), state.notReady()::toString);
        }
        // Neither new damage nor its end tells what is not known.
        AcknowledgedBefore acknowledged = AcknowledgedBefore.begin(state, cache, true);
        acknowledged.endAt(place);
        assertEquals(damaged, acknowledged());
        acknowledged.follows(leftAt(wal.history(), ORIGIN));
        assertEquals(cache.end().acknowledgeable(), acknowledged());
        assertTrue(state.notReady().containsKey(Archiving.DAMAGED));
    }

    private Archiving archiving(Verify verify) {
        return new Archiving(state, verify, Optional.empty(), "relay in a test", (_, _, _) -> WalVerifier.Again.SAME);
    }

    private void assertNothingIsWithheld() throws IOException {
        assertEquals(cache.end().acknowledgeable(), acknowledged());
        assertEquals(Optional.empty(), cache.knownDamage().load());
        assertFalse(state.notReady().containsKey(Archiving.DAMAGED));
    }
}
