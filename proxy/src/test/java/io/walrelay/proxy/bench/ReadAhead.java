package io.walrelay.proxy.bench;

import io.netty.buffer.Unpooled;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalCursor;
import io.walrelay.cache.WalOnItsWayException;
import io.walrelay.cache.WalSlice;
import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** One reader of what only the archive has, from a store that is far away: with what is fetched ahead of it, and without. */
final class ReadAhead implements Scenario {

    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final Lsn ORIGIN = new Lsn(16L << 20);
    private static final Duration LATENCY = Duration.ofMillis(50);
    private static final int PIECE = 128 << 10;

    @Override
    public String name() {
        return "read-ahead";
    }

    @Override
    public String run(Lab lab) throws Exception {
        int segments = lab.quick() ? 40 : 200;
        WalCraft wal = WalCraft.begin(SEGMENT, new SystemId(7), ORIGIN, 1);
        Lsn held = ORIGIN.plus((long) segments * SEGMENT.bytes());
        while (wal.end().isBefore(held.plus(SEGMENT.bytes()))) {
            wal.randomRecords(200, 60_000);
        }
        MemoryStore store = new MemoryStore();
        double without = seconds(lab, wal, store, held, 2);
        double with = seconds(lab, wal, store, held, 4 * 32);
        Table table = new Table("fetched ahead", "segments/s", "MB/s");
        table.row("nothing", "%.0f".formatted(segments / without), "%.0f".formatted(segments * 1.048576 / without));
        table.row("as far as a sequential reader is worth", "%.0f".formatted(segments / with), "%.0f".formatted(segments * 1.048576 / with));
        return """
                ## Read from the archive (`read-ahead`)

                A cold reader of %d segments of 1 MB, one after the other, from a store in memory that takes %d ms to answer. To reach: 5 times the rate.

                %s
                Rate, with / without: %.1f.
                """.formatted(segments, LATENCY.toMillis(), table, without / with);
    }

    /** @param kept segments of the archive that may be kept, a quarter of which one reader may have fetched ahead */
    private static double seconds(Lab lab, WalCraft wal, MemoryStore store, Lsn held, int kept) throws Exception {
        Path directory = Files.createDirectory(lab.work().resolve("read-ahead"));
        try {
            PosixStorage disk = new PosixStorage(directory);
            Path spool = Files.createDirectory(directory.resolve("spool"));
            ArchiveTier tier = new ArchiveTier(store, new ObjectFormat(Compression.ZSTD, Optional.empty()), new DurableFiles(disk), spool);
            CacheSettings settings = new CacheSettings(SEGMENT.bytes(), 8L * kept * SEGMENT.bytes(), Duration.ofHours(1), SlotLimits.upTo(Long.MAX_VALUE), false);
            store.latency(Duration.ZERO);
            fill(tier.of(wal.systemId()), wal, held);
            try (WalCache cache = WalCache.create(new Tiers(disk, settings, Optional.of(tier)), wal.systemId(), SEGMENT, wal.history(), held)) {
                cache.writer().append(held, Unpooled.wrappedBuffer(wal.bytes(held, wal.end())));
                cache.writer().publish();
                store.latency(LATENCY);
                long begin = System.nanoTime();
                read(cache, wal, held);
                return (System.nanoTime() - begin) / 1e9;
            }
        } finally {
            FileTrees.delete(directory);
        }
    }

    private static void fill(Archive archive, WalCraft wal, Lsn held) throws IOException {
        for (Lsn at = ORIGIN; at.isBefore(held); at = SEGMENT.endOf(at)) {
            byte[] bytes = wal.bytes(at, SEGMENT.endOf(at));
            WalFileName name = new WalFileName.Segment(SegmentId.at(wal.history().timeline(), at, SEGMENT));
            archive.put(new ArchivedName(wal.history(), name, SEGMENT), () -> new ByteArrayInputStream(bytes));
        }
    }

    private static void read(WalCache cache, WalCraft wal, Lsn held) throws Exception {
        try (WalCursor cursor = cache.openCursor()) {
            Lsn at = ORIGIN;
            while (at.isBefore(held)) {
                try {
                    WalSlice slice = cursor.read(wal.history(), at, held, PIECE);
                    at = at.plus(slice.length());
                    slice.release();
                } catch (WalOnItsWayException e) {
                    var _ = e.arrival().toCompletableFuture().get(1, TimeUnit.MINUTES);
                }
            }
        }
    }
}
