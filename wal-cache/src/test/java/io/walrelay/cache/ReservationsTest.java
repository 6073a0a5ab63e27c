package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.cache.slot.SlotImport;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.WalStatus;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * Slots and the WAL that is kept for them, on a relay that frees at once what nobody needs. Slot "small" may hold 2 MB, the others 6.
 */
class ReservationsTest {

    private static final TimelineId ONE = TimelineId.of(1);
    private static final Instant NOW = Instant.parse("2026-11-29T00:00:00Z");
    private static final SlotLimits LIMITS = new SlotLimits(6 * MB, Map.of("small", 2L * MB), Optional.of(Duration.ofDays(7)));

    private final CrashableStorage disk = new CrashableStorage();
    private final WalCraft wal = Caches.craft(1).randomRecords(2_000, 300_000);

    private WalCache create(Duration keep) throws IOException {
        CacheSettings settings = new CacheSettings(MB, 1L << 40, keep, LIMITS, false);
        return WalCache.create(Tiers.local(disk, settings), Caches.SYSTEM, Caches.SEGMENT, wal.history(), ORIGIN);
    }

    private void receive(WalCache cache, Lsn to) throws Exception {
        Caches.append(cache, wal, cache.end().written(), to);
        cache.writer().publish();
        cache.writer().flush();
        cache.retain(NOW.plus(Duration.ofDays(36_500)));
    }

    private static Lsn at(long megabytes) {
        return ORIGIN.plus(megabytes * MB);
    }

    private static Optional<WalStatus> status(WalCache cache, String name) {
        return cache.reservations().statuses().stream().filter(s -> s.slot().name().equals(name)).findFirst().flatMap(SlotStatus::walStatus);
    }

    @Test
    void aCopyKeepsTheWalOfItsSourceWhenThatGoesOn() throws Exception {
        try (WalCache cache = create(Duration.ZERO)) {
            cache.slots().create("source", false, ORIGIN, 1);
            receive(cache, at(3));
            assertEquals(ORIGIN, cache.reservations().copy("source", "copy", Optional.empty(), 1).restartLsn());
            assertEquals(at(3), cache.reservations().advance("source", at(100), 1), "no further than there is WAL");
            receive(cache, at(4));
            assertEquals(ORIGIN, cache.oldest());
            assertArrayEquals(wal.bytes(ORIGIN, at(4)), Caches.read(cache, wal.history(), ORIGIN, at(4), 128 << 10));
            cache.slots().drop("copy", 1);
            receive(cache, at(5));
            assertTrue(cache.oldest().isAfter(ORIGIN), "nobody needs it any more");
        }
    }

    @Test
    void theSlotThatHoldsMoreThanItMayIsLostAndTheOthersAreNot() throws Exception {
        try (WalCache cache = create(Duration.ZERO)) {
            cache.slots().create("small", false, ORIGIN, 1);
            receive(cache, at(2));
            assertEquals(Optional.of(WalStatus.RESERVED), status(cache, "small"));
            cache.slots().create("other", false, at(2), 1);
            receive(cache, at(5));
            assertEquals(Optional.of(WalStatus.LOST), status(cache, "small"));
            assertEquals(Optional.of(WalStatus.RESERVED), status(cache, "other"));
            assertEquals(at(2), cache.oldest());
            assertThrows(SlotException.class, () -> cache.slots().acquire("small", 1));
        }
        try (WalCache cache = Caches.reopen(disk)) {
            assertTrue(cache.slots().find("small").orElseThrow().lost());
        }
    }

    @Test
    void aSlotThatHoldsMoreThanItMayGoesOnWhileTheWalIsThere() throws Exception {
        try (WalCache cache = create(Duration.ofDays(90_000))) {
            cache.slots().create("small", false, ORIGIN, 1);
            receive(cache, at(5));
            assertEquals(Optional.of(WalStatus.UNRESERVED), status(cache, "small"));
            cache.slots().acquire("small", 7);
            cache.slots().confirm("small", 7, at(4), cache.oldest());
            receive(cache, at(5).plus(1_000));
            assertEquals(Optional.of(WalStatus.RESERVED), status(cache, "small"));
        }
    }

    @Test
    void aSlotThatNobodyUsedForTooLongKeepsNothing() throws Exception {
        try (WalCache cache = create(Duration.ZERO)) {
            cache.slots().create("s", false, ORIGIN, 1);
            assertEquals(List.of(), cache.reservations().timeOut(NOW));
            receive(cache, at(3));
            assertEquals(ORIGIN, cache.oldest());
            assertEquals(List.of("s"), cache.reservations().timeOut(NOW.plus(Duration.ofDays(7))).stream().map(Slot::name).toList());
            assertEquals(Optional.of(WalStatus.UNRESERVED), status(cache, "s"), "it is still there");
            receive(cache, at(4));
            assertEquals(Optional.of(WalStatus.LOST), status(cache, "s"));
            assertTrue(cache.oldest().isAfter(ORIGIN));
        }
    }

    @Test
    void takesOverTheSlotsOfAnotherServer() throws Exception {
        try (WalCache cache = create(Duration.ZERO)) {
            receive(cache, at(3));
            Lsn oldest = cache.oldest();
            cache.slots().create("there", false, at(3), 1);
            List<SlotImport> done = cache.reservations()
                    .take(
                            List.of(
                                    new SlotImport.Wanted("held", at(3).plus(-100)),
                                    new SlotImport.Wanted("ahead", at(9)),
                                    new SlotImport.Wanted("there", at(3)),
                                    new SlotImport.Wanted("gone", oldest.plus(-1))),
                            SlotImport.Server.on(ONE));
            assertEquals(
                    List.of(
                            new SlotImport.Taken("held", at(3).plus(-100)),
                            new SlotImport.Taken("ahead", at(3)),
                            new SlotImport.Kept("there")),
                    done.subList(0, 3));
            assertTrue(done.get(3) instanceof SlotImport.Refused(var _, var reason) && reason.contains("archive.import"), done::toString);
            receive(cache, at(5));
            assertTrue(cache.oldest().isAtMost(at(3).plus(-100)), "it is kept");
        }
        try (WalCache cache = Caches.reopen(disk.crash(1))) {
            assertEquals(List.of("ahead", "held", "there"), cache.slots().all().stream().map(Slot::name).toList());
            assertFalse(cache.slots().find("held").orElseThrow().temporary());
        }
    }
}
