package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.archive.ObjectStore;
import io.walrelay.cache.archive.Pin;
import io.walrelay.cache.slot.SlotLimits;
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
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.io.TempDir;

/** Relays whose disks keep next to nothing, with an archive that keeps for an hour; the first ten segments of 1 MB are older. */
abstract class KeptArchive {

    static final Instant LONG_AFTER = Instant.parse("2100-01-01T00:00:00Z");
    static final Optional<Duration> HOUR = Optional.of(Duration.ofHours(1));
    static final int OLD = 10;

    @TempDir
    Path spool;

    final MemoryStore store = new MemoryStore();
    final List<String> told = new CopyOnWriteArrayList<>();
    final WalCraft wal = Caches.craft(1).randomRecords(2_000, 300_000);

    /** A relay with its disk. */
    final class Relay implements AutoCloseable {
        final WalCache cache;
        private final WalVerifier verifier;
        final Archiver archiver;

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

        void await(BooleanSupplier condition) {
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

    Tiers tiers(CrashableStorage disk) {
        return tiers(disk, store);
    }

    Tiers tiers(CrashableStorage disk, ObjectStore objects) {
        SlotLimits slots = new SlotLimits(64L * MB, Map.of(), Optional.of(Duration.ofDays(7)));
        CacheSettings keepsNothing = new CacheSettings(MB, 64L * MB, Duration.ZERO, slots, false);
        ArchiveTier archive = new ArchiveTier(objects, new ObjectFormat(Compression.ZSTD, Optional.empty()), new DurableFiles(disk), spool);
        return new Tiers(disk, keepsNothing, Optional.of(archive));
    }

    Relay create(CrashableStorage disk) throws IOException {
        return new Relay(WalCache.create(tiers(disk), Caches.SYSTEM, SEGMENT, wal.history(), ORIGIN));
    }

    static Lsn segment(int n) {
        return ORIGIN.plus((long) n * MB);
    }

    String archivedKey(int n) {
        ArchivedName name = new ArchivedName(wal.history(), new WalFileName.Segment(SegmentId.at(new TimelineId(1), segment(n), SEGMENT)), SEGMENT);
        return Caches.SYSTEM + "/" + name.key();
    }

    private boolean isArchived(int n) {
        return store.keys().contains(archivedKey(n));
    }

    void firstIsArchived(int first) {
        for (int n = 0; n < OLD + 2; n++) {
            assertEquals(n >= first, isArchived(n), "segment " + n);
        }
    }

    /** The first {@link #OLD} are from two hours ago. */
    void age() {
        Instant old = Instant.now().minus(Duration.ofHours(2));
        for (int n = 0; n < OLD; n++) {
            String name = new WalFileName.Segment(SegmentId.at(new TimelineId(1), segment(n), SEGMENT)).fileName(SEGMENT);
            store.date(key -> key.endsWith("/" + name), old);
        }
    }

    @FunctionalInterface
    interface Creation {
        Pin make() throws Exception;
    }

    static void refused(String part, Creation creation) {
        PinRefusedException refusal = assertThrows(PinRefusedException.class, creation::make);
        assertTrue(String.valueOf(refusal.getMessage()).contains(part), refusal::getMessage);
    }
}
