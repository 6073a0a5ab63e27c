package io.walrelay.cache;

import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.Pin;
import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What leaves the archive, and what is pinned there, with one relay. */
class ArchiveKeepingTest extends KeptArchive {

    @Test
    void whatIsOldIsDeletedAndNoLongerClaimed() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        try (Relay relay = create(disk)) {
            relay.receiveAll();
            age();
            ArchiveKeeping.Status status = relay.keep(HOUR);
            firstIsArchived(OLD);
            assertEquals(OLD, status.deleted());
            assertEquals(Optional.empty(), status.horizon());
            assertEquals(segment(OLD), relay.archiver.status().from());
            assertEquals(List.of("deleted %d before %s".formatted(OLD, segment(OLD))), told);
            assertThrows(
                    WalNotHeldException.class, () -> ReadThroughTest.read(relay.cache, wal.history(), segment(OLD - 1), segment(OLD + 1)), "it is gone from the disk, too");
        }
        try (Relay relay = new Relay(WalCache.open(tiers(disk)).orElseThrow())) {
            assertEquals(segment(OLD), relay.archiver.status().from(), "the next run does not claim it either");
        }
    }

    @Test
    void withoutALimitNothingIsDeleted() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            relay.keep(Optional.empty());
            firstIsArchived(0);
            assertEquals(ORIGIN, relay.archiver.status().from());
        }
    }

    @Test
    void aPinAndASlotKeepWhatTheyNeed() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            relay.pins().create("backup", Optional.of(segment(3).plus(500)), Optional.empty(), "weekly", Instant.now());
            ArchiveKeeping.Status status = relay.keep(HOUR);
            firstIsArchived(3);
            assertTrue(status.horizon().orElseThrow() instanceof Need.Pin pin && pin.name().equals("backup"), status::toString);
            assertEquals(segment(3), relay.archiver.status().from());
            assertTrue(relay.pins().drop("backup"));
            assertFalse(relay.pins().drop("backup"));
            relay.keep(HOUR);
            firstIsArchived(OLD);
        }
    }

    @Test
    void aPinThatCantBeReadStopsAllDeleting() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            store.damage(Caches.SYSTEM + "/pins/odd", new byte[] {1, 2, 3});
            ArchiveKeeping.Status status = relay.keep(HOUR);
            firstIsArchived(0);
            assertTrue(status.problem().orElse("").contains("pins/odd is no pin"), status::toString);
            assertTrue(relay.pins().drop("odd"));
            relay.keep(HOUR);
            firstIsArchived(OLD);
        }
    }

    /** As after kill -9 between two deletions: what was begun is ended, and nothing is claimed meanwhile. */
    @Test
    void aDeletionThatWasBrokenOffLeavesNoHoleAndIsEndedByTheNextRun() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        try (Relay relay = create(disk)) {
            relay.receiveAll();
            age();
            store.failFor(key -> key.equals(archivedKey(4)));
            ArchiveKeeping.Status status = relay.keep(HOUR);
            assertTrue(status.problem().orElse("").contains("can't be asked now"), status::toString);
            assertEquals(List.of("failed: " + status.problem().orElseThrow()), told);
            firstIsArchived(4);
            assertEquals(segment(5), relay.archiver.status().from(), "the fifth may be gone, the next are there");
        }
        store.failFor(key -> false);
        try (Relay relay = new Relay(WalCache.open(tiers(disk)).orElseThrow())) {
            assertEquals(segment(5), relay.archiver.status().from(), "the fifth may be gone, the next are there");
            refused("is being deleted", () -> relay.pins().create("late", Optional.of(segment(OLD - 1)), Optional.empty(), "", Instant.now()));
            relay.keep(HOUR);
            firstIsArchived(OLD);
            assertTrue(store.keys().stream().noneMatch(key -> key.contains("/deletions/")), store.keys()::toString);
        }
    }

    @Test
    void whilePinsCantBeAskedForNothingIsDeleted() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            store.failFor(key -> key.endsWith("/pins"));
            ArchiveKeeping.Status status = relay.keep(HOUR);
            firstIsArchived(0);
            assertTrue(status.problem().orElse("").contains("can't be asked now"), status::toString);
            assertEquals(ORIGIN, relay.archiver.status().from());
        }
    }

    @Test
    void aPinIsRefusedThatWouldKeepNothing() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            relay.keep(HOUR);
            Instant now = Instant.now();
            refused("has WAL at %s".formatted(segment(2)), () -> relay.pins().create("a", Optional.of(segment(2)), Optional.empty(), "", now));
            refused("has WAL at F/0", () -> relay.pins().create("a", Optional.of(Lsn.parse("F/0")), Optional.empty(), "", now));
            refused("no timeline \"7\" is known", () -> relay.pins().create("a", Optional.of(segment(OLD)), Optional.of("7"), "", now));
            assertThrows(IllegalArgumentException.class, () -> relay.pins().create("a/b", Optional.empty(), Optional.empty(), "", now));
            assertThrows(IllegalArgumentException.class, () -> relay.pins().create("relay_1", Optional.empty(), Optional.empty(), "", now));
            assertEquals(List.of(), relay.pins().all().stream().filter(pin -> !pin.name().startsWith("relay_")).toList());
            Pin pin = relay.pins().create("a", Optional.of(segment(OLD)), Optional.of("1"), "a\nnote", now);
            assertEquals("a note", pin.note());
            assertEquals(pin, relay.pins().create("a", Optional.of(segment(OLD)), Optional.empty(), "again", now.plusSeconds(9)));
            refused("pin \"a\" exists, and keeps WAL from %s".formatted(segment(OLD)), () -> relay.pins().create("a", Optional.of(segment(OLD + 1)), Optional.empty(), "", now));
            assertTrue(relay.pins().all().contains(pin));
        }
    }

    /** Far more than a relay's heap has room for; what one round deletes is all that is held of it. */
    @Test
    void anArchiveOfAnySizeIsLookedThroughInLittleMemory() throws Exception {
        CrowdedStore crowded = new CrowdedStore(store, Caches.SYSTEM, 300_000, Instant.now().minus(Duration.ofHours(2)));
        try (Relay relay = new Relay(WalCache.create(tiers(new CrashableStorage(), crowded), Caches.SYSTEM, SEGMENT, wal.history(), ORIGIN))) {
            relay.receiveAll();
            ArchiveKeeping.Status status = relay.keep(HOUR);
            assertEquals(Optional.empty(), status.problem());
            assertEquals(1_000, status.deleted());
            assertEquals(IntStream.range(0, 1_000).mapToObj(crowded::key).toList(), crowded.deleted(), "from the oldest on");
            assertTrue(crowded.mostHeld() < 5_000, () -> "%d of what was listed were held at one time".formatted(crowded.mostHeld()));
            relay.keep(HOUR);
            assertEquals(crowded.key(1_999), crowded.deleted().getLast());
        }
    }
}
