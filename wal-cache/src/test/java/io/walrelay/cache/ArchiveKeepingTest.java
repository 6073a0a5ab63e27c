package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.archive.Pin;
import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Relays whose disks keep next to nothing, with an archive that keeps for an hour; the first ten segments of 1 MB are older. */
class ArchiveKeepingTest {

    private static final Instant LONG_AFTER = Instant.parse("2100-01-01T00:00:00Z");
    private static final Optional<Duration> HOUR = Optional.of(Duration.ofHours(1));
    private static final int OLD = 10;

    @TempDir
    private Path spool;

    private final MemoryStore store = new MemoryStore();
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final WalCraft wal = Caches.craft(1).randomRecords(2_000, 300_000);

    /** A relay with its disk. */
    private final class Relay implements AutoCloseable {
        private final WalCache cache;
        private final WalVerifier verifier;
        private final Archiver archiver;

        Relay(WalCache cache) throws IOException {
            this.cache = cache;
            this.verifier = cache.verifier(cache.verifyFrom(), new Remedy());
            this.archiver = cache.archiver(verifier, true, new Archived()).orElseThrow();
            verifier.start();
            archiver.start();
        }

        void receiveAll() throws Exception {
            Caches.append(cache, wal, ORIGIN, wal.end());
            cache.writer().publish();
            cache.writer().flush();
            Lsn whole = SEGMENT.startOf(wal.end());
            await(() -> archiver.status().archived().isAtLeast(whole) && archiver.status().waiting() == 0);
            cache.retain(LONG_AFTER);
        }

        /** A round of keeping. */
        ArchiveKeeping.Status keep(Optional<Duration> keep) throws IOException {
            int before = told.size();
            try (ArchiveKeeping keeping = cache.archiveKeeping(archiver, keep, "relay in a test", Clock.systemUTC(), new Notes()).orElseThrow()) {
                keeping.start();
                await(() -> keeping.isIdle());
                return keeping.status();
            } finally {
                assertTrue(told.size() - before <= 1, told::toString);
            }
        }

        Pins pins() {
            return cache.pins().orElseThrow();
        }

        private void await(BooleanSupplier condition) {
            long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (!condition.getAsBoolean()) {
                assertTrue(System.nanoTime() < limit, () -> "not so in 30 s: %s, %s".formatted(archiver.status(), told));
                LockSupport.parkNanos(1_000_000);
            }
        }

        @Override
        public void close() throws IOException {
            verifier.close();
            archiver.close();
            cache.close();
        }
    }

    private static final class Remedy implements WalVerifier.Remedy {
        @Override
        public void found(WalVerifier.Damage damage) {}

        @Override
        public boolean fetchAgain(WalVerifier.Damage damage, Lsn end) {
            return false;
        }

        @Override
        public void lasting(WalVerifier.Damage damage) {}
    }

    private static final class Archived implements Archiver.Listener {
        @Override
        public void conflict(String file, String key) {}

        @Override
        public void gap(Lsn from, Lsn to) {}

        @Override
        public void failed(String reason) {}

        @Override
        public void recovered() {}
    }

    private final class Notes implements ArchiveKeeping.Listener {
        @Override
        public void deleted(int objects, Lsn before) {
            told.add("deleted %d before %s".formatted(objects, before));
        }

        @Override
        public void failed(String reason) {
            told.add("failed: " + reason);
        }
    }

    private Tiers tiers(CrashableStorage disk) {
        CacheSettings keepsNothing = new CacheSettings(MB, 64L * MB, Duration.ZERO, 64L * MB, false);
        ArchiveTier archive = new ArchiveTier(store, new ObjectFormat(Compression.ZSTD, Optional.empty()), new DurableFiles(disk), spool);
        return new Tiers(disk, keepsNothing, Optional.of(archive));
    }

    private Relay create(CrashableStorage disk) throws IOException {
        return new Relay(WalCache.create(tiers(disk), Caches.SYSTEM, SEGMENT, wal.history(), ORIGIN));
    }

    private static Lsn segment(int n) {
        return ORIGIN.plus((long) n * MB);
    }

    private boolean isArchived(int n) {
        ArchivedName name = new ArchivedName(wal.history(), new WalFileName.Segment(SegmentId.at(new TimelineId(1), segment(n), SEGMENT)), SEGMENT);
        return store.keys().contains(Caches.SYSTEM + "/" + name.key());
    }

    private void firstIsArchived(int first) {
        for (int n = 0; n < OLD + 2; n++) {
            assertEquals(n >= first, isArchived(n), "segment " + n);
        }
    }

    /** The first {@link #OLD} are from two hours ago. */
    private void age() {
        Instant old = Instant.now().minus(Duration.ofHours(2));
        for (int n = 0; n < OLD; n++) {
            String name = new WalFileName.Segment(SegmentId.at(new TimelineId(1), segment(n), SEGMENT)).fileName(SEGMENT);
            store.date(key -> key.endsWith("/" + name), old);
        }
    }

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

    /** Of each other's slots relays know only what the archive says. */
    @Test
    void aRelayKeepsWhatAnotherNeeds() throws Exception {
        CrashableStorage otherDisk = new CrashableStorage();
        try (Relay relay = create(new CrashableStorage());
                Relay other = create(otherDisk)) {
            relay.receiveAll();
            other.cache.slots().create("far", false, segment(4), 1);
            other.receiveAll();
            other.keep(Optional.empty());
            age();
            ArchiveKeeping.Status status = relay.keep(HOUR);
            firstIsArchived(4);
            assertTrue(status.horizon().orElseThrow() instanceof Need.Pin pin && pin.name().startsWith("relay_"), status::toString);
            assertEquals(ORIGIN, other.archiver.status().from());
            other.keep(Optional.empty());
            assertEquals(segment(4), other.archiver.status().from(), "it sees what the other has deleted");
            assertEquals(2, relay.pins().all().size(), () -> "one for each relay: " + store.keys());
            other.cache.slots().drop("far", 1);
            other.cache.retain(LONG_AFTER);
            other.keep(Optional.empty());
            relay.keep(HOUR);
            firstIsArchived(OLD);
            assertEquals(2, relay.pins().all().size(), () -> "one for each relay: " + store.keys());
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

    @FunctionalInterface
    private interface Creation {
        Pin make() throws Exception;
    }

    private static void refused(String part, Creation creation) {
        PinRefusedException refusal = assertThrows(PinRefusedException.class, creation::make);
        assertTrue(String.valueOf(refusal.getMessage()).contains(part), refusal::getMessage);
    }
}
