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
import io.walrelay.cache.intake.FolderImport;
import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Folder;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
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
            this.archiver = cache.archive().orElseThrow().archiver(verifier, true, new Archived());
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

        ArchiveKeeping keeping(Optional<Duration> keep) throws IOException {
            return cache.archive().orElseThrow().keeping(archiver, keep, "relay in a test", Clock.systemUTC(), new Notes());
        }

        /** A round of keeping. */
        ArchiveKeeping.Status keep(Optional<Duration> keep) throws IOException {
            int before = told.size();
            try (ArchiveKeeping keeping = keeping(keep)) {
                keeping.start();
                await(() -> keeping.isIdle());
                return keeping.status();
            } finally {
                assertTrue(told.size() - before <= 1, told::toString);
            }
        }

        Pins pins() {
            return cache.archive().orElseThrow().pins();
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
        public WalVerifier.Again fetchAgain(WalVerifier.Damage damage, Lsn from, Lsn end) {
            return WalVerifier.Again.SAME;
        }

        @Override
        public void lasting(WalVerifier.Damage damage, WalVerifier.Again why) {}
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

    private String archivedKey(int n) {
        ArchivedName name = new ArchivedName(wal.history(), new WalFileName.Segment(SegmentId.at(new TimelineId(1), segment(n), SEGMENT)), SEGMENT);
        return Caches.SYSTEM + "/" + name.key();
    }

    private boolean isArchived(int n) {
        return store.keys().contains(archivedKey(n));
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

    /** The store hangs while the first is deleted; whoever pins then is told, and has no pin that keeps nothing. */
    @Test
    void aPinIsRefusedWhileWhatItNeedsIsDeleted() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            CountDownLatch go = new CountDownLatch(1);
            store.hangFor(key -> key.equals(archivedKey(0)), go);
            try (ArchiveKeeping keeping = relay.keeping(HOUR)) {
                keeping.start();
                relay.await(() -> store.hanging() > 0);
                Instant now = Instant.now();
                refused("is being deleted from the archive", () -> relay.pins().create("late", Optional.of(segment(OLD - 1)), Optional.empty(), "", now));
                Pin pin = relay.pins().create("kept", Optional.of(segment(OLD)), Optional.empty(), "", now);
                go.countDown();
                relay.await(keeping::isIdle);
                firstIsArchived(OLD);
                assertEquals(List.of(pin), relay.pins().all().stream().filter(it -> !it.name().startsWith("relay_")).toList());
            }
            assertTrue(store.keys().stream().noneMatch(key -> key.contains("/deletions/")), store.keys()::toString);
        }
    }

    /** The pin comes after the archive was listed. */
    @Test
    void whoPinsBeforeItIsDeletedIsHeard() throws Exception {
        try (Relay relay = create(new CrashableStorage())) {
            relay.receiveAll();
            age();
            CountDownLatch go = new CountDownLatch(1);
            store.hangFor(key -> key.endsWith(wal.history().directoryName()), go);
            try (ArchiveKeeping keeping = relay.keeping(HOUR)) {
                keeping.start();
                relay.await(() -> store.hanging() > 0);
                relay.pins().create("early", Optional.of(segment(3)), Optional.empty(), "", Instant.now());
                go.countDown();
                relay.await(keeping::isIdle);
                firstIsArchived(3);
            }
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
            assertEquals(segment(OLD), relay.archiver.status().from());
        }
        store.failFor(key -> false);
        try (Relay relay = new Relay(WalCache.open(tiers(disk)).orElseThrow())) {
            assertEquals(segment(OLD), relay.archiver.status().from());
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

    /** Another relay might delete it in the same moment. */
    @Test
    void theDiskCountsOnTheArchiveOnlyOnceOthersKnowWhatThisRelayNeeds() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        try (Relay relay = create(disk);
                ArchiveKeeping keeping = relay.keeping(Optional.empty())) {
            relay.receiveAll();
            assertEquals(ORIGIN, relay.cache.oldest());
            keeping.start();
            relay.await(keeping::isIdle);
            relay.cache.retain(LONG_AFTER);
            assertTrue(relay.cache.oldest().isAfter(segment(OLD)), () -> "freed up to " + relay.cache.oldest());
        }
        store.failFor(key -> true);
        try (Relay relay = new Relay(WalCache.open(tiers(disk)).orElseThrow());
                ArchiveKeeping keeping = relay.keeping(Optional.empty())) {
            keeping.start();
            assertTrue(keeping.isKnown(), "it is remembered, also while the archive is away");
        }
    }

    @Test
    void acknowledgedWalPastAForkIsPinnedToo() throws Exception {
        Lsn fork = wal.lastRecordEndAt(segment(6).plus(300_000));
        WalCraft next = wal.promoted(new TimelineId(2), fork).randomRecords(100, 300_000);
        try (Relay relay = create(new CrashableStorage());
                Relay other = create(new CrashableStorage())) {
            relay.receiveAll();
            other.receiveAll();
            relay.cache.follow(next.history(), Caches.historyText(next.history()), wal.end());
            relay.keep(Optional.empty());
            assertTrue(relay.pins().all().stream().anyMatch(pin -> pin.isAt(wal.history(), fork)), () -> "pins: " + store.keys());
            age();
            other.keep(HOUR);
            firstIsArchived(6);
            relay.cache.acceptOrphans();
            relay.keep(Optional.empty());
            assertTrue(relay.pins().all().stream().noneMatch(pin -> pin.isAt(wal.history(), fork)), () -> "pins: " + store.keys());
        }
    }

    @Test
    void whileAFolderIsImportedNothingIsDeleted() throws Exception {
        Folder folder = new Folder(spool.resolve("not-there-yet"));
        try (Relay relay = create(new CrashableStorage());
                Relay other = create(new CrashableStorage());
                FolderImport coming = relay.cache.archive().orElseThrow().folderImport(folder, new Imports()).orElseThrow()) {
            relay.receiveAll();
            other.receiveAll();
            age();
            coming.start();
            ArchiveKeeping.Status status = relay.keep(HOUR);
            firstIsArchived(0);
            assertTrue(status.horizon().orElseThrow() instanceof Need.Import from && from.folder().equals(folder.toString()), status::toString);
            other.keep(HOUR);
            firstIsArchived(0);
            Files.createDirectory(spool.resolve("not-there-yet"));
            relay.await(() -> coming.status().ended());
            relay.keep(HOUR);
            firstIsArchived(OLD);
        }
    }

    private static final class Imports implements FolderImport.Listener {
        @Override
        public void refused(String file, String reason) {}

        @Override
        public void conflict(String file, String key) {}

        @Override
        public void failed(String reason) {}

        @Override
        public void ended(FolderImport.Status status) {}
    }

    @Test
    void aNeedThatIsOlderOrOnAnotherLineageIsNotCoveredByWhatWasSaid() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        ArchiveTier tier = tiers(disk).archive().orElseThrow();
        RelayPins pins = RelayPins.load(new DurableFiles(disk), "a test", tier);
        Need five = new Need.Disk(wal.history(), segment(5));
        assertFalse(pins.cover(List.of(five)));
        pins.say(tier.of(Caches.SYSTEM), List.of(five, new Need.Slot("s", wal.history(), segment(4))), Instant.now());
        assertTrue(pins.cover(List.of(five)));
        assertFalse(pins.cover(List.of(five, new Need.Slot("s", wal.history(), segment(3)))), "a slot went back");
        assertFalse(pins.cover(List.of(new Need.Disk(wal.history().promoted(new TimelineId(2), segment(9), ""), segment(5)))));
    }

    /** Pins are named by the time; a clock that is set back finds names taken, and goes on. */
    @Test
    void aClockThatIsSetBackMovesThePinNevertheless() throws Exception {
        CrashableStorage disk = new CrashableStorage();
        ArchiveTier tier = tiers(disk).archive().orElseThrow();
        RelayPins pins = RelayPins.load(new DurableFiles(disk), "a test", tier);
        Instant now = Instant.now();
        for (int n = 0; n < 3; n++) {
            pins.say(tier.of(Caches.SYSTEM), List.of(new Need.Disk(wal.history(), segment(n))), now.minusSeconds(n / 2));
            List<Pin> said = tier.of(Caches.SYSTEM).notes().pins();
            assertEquals(List.of(segment(n)), said.stream().map(Pin::from).toList());
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
