package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static io.walrelay.cache.Caches.SYSTEM;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Storage;
import io.walrelay.cache.verify.Problem;
import io.walrelay.cache.verify.Progress;
import io.walrelay.cache.verify.Recovery;
import io.walrelay.cache.verify.Report;
import io.walrelay.cache.verify.Verification;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;

/** A disk and an archive in memory, how to fill and to damage them, and what a {@link io.walrelay.cache.verify.Verification} of them says. */
abstract class VerificationFixture {

    @TempDir
    Path spool;

    final CrashableStorage disk = new CrashableStorage();
    final MemoryStore store = new MemoryStore();
    ObjectFormat format = new ObjectFormat(Compression.NONE, Optional.empty());

    void keep(WalCraft wal) throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            write(cache, wal, ORIGIN);
        }
    }

    static void write(WalCache cache, WalCraft wal, Lsn from) throws Exception {
        for (Lsn at = from; at.isBefore(wal.end()); at = Lsn.min(wal.end(), at.plus(MB / 3))) {
            Caches.append(cache, wal, at, Lsn.min(wal.end(), at.plus(MB / 3)));
            cache.writer().publish();
        }
        cache.writer().flush();
    }

    Archive archive() throws IOException {
        return Archive.open(store, format, SYSTEM, spool, Optional.empty());
    }

    static ArchivedName name(TimelineHistory lineage, Lsn lsn) {
        return new ArchivedName(lineage, new WalFileName.Segment(SegmentId.at(lineage.timeline(), lsn, SEGMENT)), SEGMENT);
    }

    static String key(WalCraft wal, Lsn lsn) {
        return ArchiveReader.key(SYSTEM, name(wal.history(), lsn));
    }

    static String onDisk(WalCraft wal, Lsn lsn) {
        return "wal/" + name(wal.history(), lsn).fileName();
    }

    /** Puts whole segments into the archive as a relay would. */
    void archive(WalCraft wal, Lsn from) throws IOException {
        if (!wal.history().ancestors().isEmpty()) {
            put(new ArchivedName(wal.history(), new WalFileName.History(wal.history().timeline()), SEGMENT), Caches.historyText(wal.history()));
        }
        for (Lsn at = SEGMENT.startOf(from); SEGMENT.endOf(at).isAtMost(wal.end()); at = SEGMENT.endOf(at)) {
            put(name(wal.history(), at), wal.bytes(at, SEGMENT.endOf(at)));
        }
    }

    Archive.Put put(ArchivedName name, byte[] bytes) throws IOException {
        return archive().put(name, () -> new ByteArrayInputStream(bytes));
    }

    Report verify(Optional<Storage> data, boolean withArchive, boolean quick) throws IOException, InterruptedException {
        Optional<Verification.Disk> local = Optional.empty();
        if (data.isPresent()) {
            local = Optional.of(new Verification.Disk(data.get(), KnownWal.read(new DurableFiles(data.get())).orElseThrow()));
        }
        Optional<ArchiveReader> reader = withArchive ? Optional.of(ArchiveReader.open(store, format, Optional.empty())) : Optional.empty();
        return new Verification(SYSTEM, SEGMENT, local, reader, quick, new Progress()).run();
    }

    Report verifyBoth() throws IOException, InterruptedException {
        return verify(Optional.of(disk), true, false);
    }

    Report verifyDisk() throws IOException, InterruptedException {
        return verify(Optional.of(disk), false, false);
    }

    Report verifyArchive() throws IOException, InterruptedException {
        return verify(Optional.empty(), true, false);
    }

    static void assertClean(Report report) {
        assertEquals(List.of(), report.problems());
        assertEquals(List.of(), report.unread());
        assertEquals(List.of(), report.vanished());
    }

    static <T extends Problem> T only(Class<T> kind, Report report) {
        assertEquals(1, report.problems().size(), () -> report.problems().toString());
        return assertInstanceOf(kind, report.problems().getFirst());
    }

    static <T extends Problem> T one(Class<T> kind, Report report) {
        List<T> found = report.problems().stream().filter(kind::isInstance).map(kind::cast).toList();
        assertEquals(1, found.size(), () -> report.problems().toString());
        return found.getFirst();
    }

    static Recovery recovery(Report report, WalCraft wal, Lsn from, Lsn to) {
        return Recovery.along(report, wal.history(), from, to);
    }

    static void assertPossible(Report report, WalCraft wal, Lsn from, Lsn to) {
        assertEquals(new Recovery.Possible(), recovery(report, wal, from, to));
    }

    static Recovery.Impossible assertImpossible(Report report, WalCraft wal, Lsn from, Lsn to) {
        return assertInstanceOf(Recovery.Impossible.class, recovery(report, wal, from, to));
    }

    void flipOnDisk(String path, int offset) throws IOException {
        try (Storage.File file = disk.open(path)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            file.read(one, offset);
            file.write(ByteBuffer.wrap(new byte[] {(byte) (one.get(0) ^ 0x10)}), offset);
        }
    }

    void flipInArchive(String key, int offset) {
        byte[] bytes = store.bytes(key);
        bytes[offset] ^= 0x10;
        store.damage(key, bytes);
    }

    /** A record in the middle of a segment; none of its bytes is a page header's. */
    static Lsn aRecordIn(WalCraft wal, Lsn segment) {
        return wal.recordStarts().stream()
                .filter(start -> start.isAfter(segment.plus(MB / 2)) && (start.value() & 8191) < 8000)
                .findFirst()
                .orElseThrow();
    }

    static WalCraft someWal(long seed) {
        return Caches.craft(seed).randomRecords(3000, 3000).record(3 * MB).switchSegment().lostRecord(30_000, 2).randomRecords(3000, 3000);
    }
}
