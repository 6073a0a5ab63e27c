package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.cache.slot.SlotImport;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.WalStatus;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Slots whose WAL only the archive has, and those that delete there. */
class ArchivedReservationsTest extends KeptArchive {

    private static final TimelineId ONE = TimelineId.of(1);
    private static final Instant NOW = Instant.parse("2026-11-29T00:00:00Z");

    private static Optional<WalStatus> status(Relay relay, String name) {
        return relay.cache.reservations().statuses().stream().filter(s -> s.slot().name().equals(name)).findFirst().flatMap(SlotStatus::walStatus);
    }

    private static List<SlotImport> take(Relay relay, String name, int segment) throws Exception {
        return relay.cache.reservations().take(List.of(new SlotImport.Wanted(name, segment(segment))), SlotImport.Server.on(ONE));
    }

    private ArchivedName name(int segment) {
        return new ArchivedName(wal.history(), new WalFileName.Segment(SegmentId.at(ONE, segment(segment), SEGMENT)), SEGMENT);
    }

    private static List<String> names(Relay relay) {
        return relay.cache.slots().all().stream().map(Slot::name).toList();
    }

    @Test
    void whatOnlyTheArchiveHasIsTakenOverAndStaysThere() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            assertTrue(relay.cache.oldest().isAfter(segment(3)));
            assertEquals(List.of(new SlotImport.Taken("s", segment(3))), take(relay, "s", 3));
            assertEquals(Optional.of(WalStatus.EXTENDED), status(relay, "s"));
            age();
            relay.keep(HOUR);
            firstIsArchived(3);
            assertTrue(take(relay, "late", 2).getFirst() instanceof SlotImport.Refused);
            assertEquals(List.of("s"), names(relay));
        }
    }

    /** It was decided to delete before the slot was there, and what is about to go is forgotten before that is carried out. */
    @Test
    void whatIsForgottenWhileASlotIsMadeIsNotTakenOver() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        try (Relay relay = create(disk)) {
            relay.receiveAll();
            relay.archiver.close();
            AtomicBoolean once = new AtomicBoolean();
            disk.failNextSync(path -> {
                if (path.isEmpty() && once.compareAndSet(false, true)) {
                    forget(relay);
                }
                return false;
            });
            SlotImport refused = take(relay, "s", 3).getFirst();
            assertTrue(once.get(), "the slot was written");
            assertTrue(refused instanceof SlotImport.Refused(var _, var reason) && reason.contains("the relay has it from %s on".formatted(segment(OLD))), refused::toString);
            assertEquals(List.of(), names(relay));
        }
    }

    private void forget(Relay relay) {
        try {
            var _ = relay.archiver.forget(IntStream.range(0, OLD).mapToObj(this::name).toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void ofASlotThatNobodyUsesTheArchiveKeepsNothingAndACopyOfItKeepsNothingEither() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            take(relay, "s", 3);
            relay.cache.reservations().timeOut(NOW);
            assertEquals(List.of("s"), relay.cache.reservations().timeOut(NOW.plus(Duration.ofDays(7))).stream().map(Slot::name).toList());
            assertEquals(Optional.of(WalStatus.UNRESERVED), status(relay, "s"));
            assertEquals(Optional.of(WalStatus.EXTENDED), statusOfCopy(relay, "early"));
            relay.cache.slots().drop("early", 1);
            age();
            relay.keep(HOUR);
            firstIsArchived(OLD);
            assertEquals(Optional.of(WalStatus.LOST), status(relay, "s"));
            SlotException refused = assertThrows(SlotException.class, () -> statusOfCopy(relay, "late"));
            assertEquals("55000", refused.diagnostic().sqlState());
            assertEquals("cannot copy invalidated replication slot \"s\"", refused.diagnostic().message());
            assertEquals(List.of("s"), names(relay));
        }
    }

    /** A standby was away for longer than WAL is kept for its slot, in the archive too. */
    @Test
    void aSlotWhoseWalWentFromTheArchiveIsLostThoughItsStandbyCameInBetween() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        try (Relay relay = create(disk)) {
            relay.receiveAll();
            take(relay, "s", 3);
            relay.cache.reservations().timeOut(NOW);
            relay.cache.reservations().timeOut(NOW.plus(Duration.ofDays(7)));
            age();
            relay.keep(HOUR);
            firstIsArchived(OLD);

            assertTrue(relay.cache.slots().acquire("s", 7).holds());
            assertEquals(List.of(), relay.cache.retain(LONG_AFTER).lost(), "its standby may have come with WAL from elsewhere");
            relay.cache.slots().release("s", 7);
            assertEquals(List.of("s"), relay.cache.retain(LONG_AFTER).lost());
            assertThrows(SlotException.class, () -> relay.cache.slots().acquire("s", 7));
            assertFalse(relay.cache.slots().find("s").orElseThrow().holds(), "nothing is kept for it for ever");
            assertEquals(List.of(), relay.cache.retain(LONG_AFTER).lost(), "said once");
        }
        try (WalCache cache = WalCache.open(tiers(disk)).orElseThrow()) {
            assertTrue(cache.slots().find("s").orElseThrow().lost());
        }
    }

    @Test
    void whatIsFreedWhileTheArchiveCantBeAskedLosesASlotWhenTheArchiveSaysThatItHasItNot() throws Exception {
        Tiers ample = tiers(new CrashableStorage());
        CacheSettings tight = new CacheSettings(MB, 6L * MB, Duration.ZERO, ample.settings().slots(), false);
        store.failFor(_ -> true);
        try (Relay relay = new Relay(WalCache.create(new Tiers(ample.disk(), tight, ample.archive()), Caches.SYSTEM, SEGMENT, wal.history(), ORIGIN))) {
            relay.cache.slots().create("s", false, segment(1), 1);
            try (ArchiveKeeping keeping = relay.keeping(HOUR)) {
                keeping.start();
                relay.await(keeping::isIdle);
                Caches.append(relay.cache, wal, ORIGIN, wal.end());
                relay.cache.writer().publish();
                relay.cache.writer().flush();
                assertEquals(List.of(), relay.cache.retain(LONG_AFTER).lost());
                assertTrue(relay.cache.oldest().isAfter(segment(2)), "what it needs was freed");
                assertEquals(Optional.of(WalStatus.UNRESERVED), status(relay, "s"), "the archive may have it");
            }
            relay.await(() -> relay.archiver.status().from().isAfter(segment(2)));
            assertEquals(List.of(), relay.cache.retain(LONG_AFTER).lost());
            store.failFor(_ -> false);
            relay.keep(Optional.empty());
            assertEquals(List.of("s"), relay.cache.retain(LONG_AFTER).lost());
        }
    }

    /** What is known of the archive is lost with a file, and is less than there is while it is decided whether to delete. */
    @Test
    void aSlotIsNotLostForWalThatIsOnlyNotKnownToBeThere() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        try (Relay relay = create(disk)) {
            relay.receiveAll();
            take(relay, "s", 3);
            relay.keep(Optional.empty());
            relay.archiver.close();
            forget(relay);
            assertEquals(Optional.of(WalStatus.LOST), status(relay, "s"));
            assertEquals(List.of(), relay.cache.retain(LONG_AFTER).lost());
        }
        disk.delete("archived");
        try (Relay relay = new Relay(WalCache.open(tiers(disk)).orElseThrow())) {
            relay.keep(Optional.empty());
            assertEquals(Optional.of(WalStatus.LOST), status(relay, "s"));
            assertEquals(List.of(), relay.cache.retain(LONG_AFTER).lost());
            assertTrue(relay.cache.slots().acquire("s", 7).holds());
        }
    }

    private static Optional<WalStatus> statusOfCopy(Relay relay, String name) throws Exception {
        var _ = relay.cache.reservations().copy("s", name, Optional.empty(), 1);
        return status(relay, name);
    }
}
