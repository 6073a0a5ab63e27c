package io.walrelay.cache.intake;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.intake.FolderImport.Outcome;
import io.walrelay.cache.intake.FolderImport.Status;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Folder;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What archive_command = cp left over a promotion.
 *
 * <pre>
 *   1 ──┬──┬──┬──┐·········  the old primary archived past the fork
 *                └──┬──┬──▶  2, with a history; its first segment shares bytes with the old one's
 * </pre>
 */
class FolderImportTest {

    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final SystemId SYSTEM = new SystemId(7);
    private static final Lsn ORIGIN = Lsn.parse("0/1000000");
    private static final int MB = 1 << 20;

    @TempDir
    private Path directory;

    private final CrashableStorage disk = new CrashableStorage();
    private final MemoryStore store = new MemoryStore();
    private final List<String> told = new CopyOnWriteArrayList<>();
    private volatile boolean busy;

    private final WalCraft one = WalCraft.begin(SEGMENT, SYSTEM, ORIGIN, 1).randomRecords(400, 300_000);
    private final Lsn fork = one.lastRecordEndAt(ORIGIN.plus(3 * MB + 300_000));
    private final WalCraft two = one.promoted(new TimelineId(2), fork).randomRecords(300, 300_000);

    private Path folder;

    @BeforeEach
    void makeFolder() throws IOException {
        folder = Files.createDirectory(directory.resolve("old"));
    }

    private Archive archive() throws IOException {
        return Archive.open(store, new ObjectFormat(Compression.ZSTD, Optional.empty()), SYSTEM, directory, Optional.empty());
    }

    private final class Notes implements FolderImport.Listener {
        @Override
        public void refused(String file, String reason) {
            told.add("refused %s: %s".formatted(file, reason));
        }

        @Override
        public void conflict(String file, String key) {
            told.add("conflict " + file);
        }

        @Override
        public void failed(String reason) {
            told.add("failed: " + reason);
        }

        @Override
        public void ended(Status status) {
            told.add("ended");
        }
    }

    private FolderImport begin() {
        FolderImport.Target target = new FolderImport.Target() {
            @Override
            public Archive archive() throws IOException {
                return FolderImportTest.this.archive();
            }

            @Override
            public boolean mayBegin() {
                return true;
            }

            @Override
            public void arrived(ArchivedName name) {}

            @Override
            public boolean isBusy() {
                return busy;
            }
        };
        FolderImport made = new FolderImport(new Folder(folder), SYSTEM, SEGMENT, target, new Imported(new DurableFiles(disk)), new Notes());
        made.start();
        return made;
    }

    private Status runToTheEnd() {
        try (FolderImport made = begin()) {
            await(() -> made.status().ended());
            return made.status();
        }
    }

    private void await(BooleanSupplier condition) {
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < limit, () -> "not so in 30 s: %s".formatted(told));
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static ArchivedName name(TimelineHistory lineage, Lsn lsn) {
        return new ArchivedName(lineage, new WalFileName.Segment(SegmentId.at(lineage.timeline(), lsn, SEGMENT)), SEGMENT);
    }

    private static String fileName(WalCraft wal, Lsn lsn) {
        return name(wal.history(), lsn).fileName();
    }

    /** Whole segments from the one of {@code from} on, as the server of {@code wal} archived them. */
    private void copy(WalCraft wal, Lsn from) throws IOException {
        for (Lsn at = SEGMENT.startOf(from); SEGMENT.endOf(at).isAtMost(wal.end()); at = SEGMENT.endOf(at)) {
            Files.write(folder.resolve(fileName(wal, at)), wal.bytes(at, SEGMENT.endOf(at)));
        }
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }

    private byte[] archived(ArchivedName name) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        assertTrue(archive().fetch(name, bytes), () -> name + " is not archived; there are " + store.keys());
        return bytes.toByteArray();
    }

    private void refusedWith(String file, String part) {
        assertTrue(told.stream().anyMatch(note -> note.startsWith("refused " + file) && note.contains(part)), told::toString);
    }

    @Test
    void allThatCpLeftGoesUnderTheLineageThatItIsOf() throws Exception {
        copy(one, ORIGIN);
        copy(two, fork);
        String history = two.history().format().replace("no recovery", "a promotion, no recovery");
        write("00000002.history", history);
        Lsn last = SEGMENT.startOf(one.end());
        WalFileName.Partial partial = new WalFileName.Partial(SegmentId.at(new TimelineId(1), last, SEGMENT));
        Files.write(folder.resolve(partial.fileName(SEGMENT)), Arrays.copyOf(one.bytes(last, one.end()), MB));
        WalFileName.Backup backup = new WalFileName.Backup(SegmentId.at(new TimelineId(1), ORIGIN, SEGMENT), 40);
        write(backup.fileName(SEGMENT), "START WAL LOCATION: 0/1000028 (file %s)\nSTOP WAL LOCATION: 0/1000100\n".formatted(fileName(one, ORIGIN)));
        write("lost+found.txt", "nothing of PostgreSQL's");
        Status status = runToTheEnd();
        long files = (last.minus(ORIGIN) + SEGMENT.startOf(two.end()).minus(SEGMENT.startOf(fork))) / MB + 3;
        assertEquals(files, status.files());
        assertEquals(files, status.count(Outcome.IMPORTED), told::toString);
        assertEquals(List.of("ended"), told);
        Lsn forked = SEGMENT.startOf(fork);
        assertArrayEquals(one.bytes(ORIGIN, SEGMENT.endOf(ORIGIN)), archived(name(one.history(), ORIGIN)));
        assertArrayEquals(one.bytes(forked, SEGMENT.endOf(fork)), archived(name(one.history(), forked)));
        assertArrayEquals(two.bytes(forked, SEGMENT.endOf(fork)), archived(name(two.history(), forked)));
        assertArrayEquals(
                history.getBytes(StandardCharsets.UTF_8), archived(new ArchivedName(two.history(), new WalFileName.History(new TimelineId(2)), SEGMENT)));
        assertTrue(archive().has(new ArchivedName(one.history(), partial, SEGMENT)));
        assertTrue(archive().has(new ArchivedName(one.history(), backup, SEGMENT)));
        assertTrue(store.puts().get(1).endsWith("00000002.history"), () -> "histories come first: " + store.puts());
    }

    @Test
    void whatIsForeignOrNotPlainIsRefusedByNameAndTheRestComes() throws Exception {
        copy(one, ORIGIN);
        WalCraft foreign = WalCraft.begin(SEGMENT, new SystemId(8), ORIGIN, 2).randomRecords(100, 300_000);
        String foreignFile = fileName(one, ORIGIN);
        Files.write(folder.resolve(foreignFile), foreign.bytes(ORIGIN, SEGMENT.endOf(ORIGIN)));
        String shifted = fileName(one, ORIGIN.plus(MB));
        Files.write(folder.resolve(shifted), one.bytes(ORIGIN, SEGMENT.endOf(ORIGIN)));
        String cut = fileName(one, ORIGIN.plus(2 * MB));
        Files.write(folder.resolve(cut), one.bytes(ORIGIN.plus(2 * MB), ORIGIN.plus(2 * MB + 8192)));
        Files.write(folder.resolve("0000000100000000000000F0"), new byte[] {0x1F, (byte) 0x8B, 8, 0});
        Files.write(folder.resolve("0000000100000000000000F1.gz"), new byte[] {0x1F, (byte) 0x8B, 8, 0});
        Files.write(folder.resolve("0000000100000000000000F1.partial.zst"), new byte[] {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD});
        Files.write(folder.resolve("00000004.history.lz4"), new byte[] {4, 0x22, 0x4D, 0x18});
        Files.write(folder.resolve("0000000100000000000000F2"), new byte[MB]);
        Files.write(folder.resolve("0000000300000000000000F3"), two.bytes(fork, fork.plus(MB)));
        write("00000005.history", "no history\n");
        write("000000010000000000000010.00000028.backup", "no backup\n");
        Status status = runToTheEnd();
        refusedWith(foreignFile, "system identifier is 8, expected 7");
        refusedWith(shifted, "unexpected page address");
        refusedWith(cut, "it has 8192 bytes; expected 1048576");
        refusedWith("0000000100000000000000F0", "compressed (gzip)");
        refusedWith("0000000100000000000000F1.gz", "compressed (gzip)");
        refusedWith("0000000100000000000000F1.partial.zst", "compressed (zstd)");
        refusedWith("00000004.history.lz4", "compressed (lz4)");
        refusedWith("0000000100000000000000F2", "invalid info bits 0000");
        refusedWith("0000000300000000000000F3", "no history in the folder says where timeline 3 comes from; expected 00000003.history");
        refusedWith("00000005.history", "syntax error");
        refusedWith("000000010000000000000010.00000028.backup", "it is no backup history");
        assertEquals(11, status.count(Outcome.REFUSED));
        assertEquals(status.files(), status.settled());
        assertFalse(archive().has(name(one.history(), ORIGIN)));
        assertTrue(archive().has(name(one.history(), ORIGIN.plus(3 * MB))));
    }

    /** The first page of each is right. */
    @Test
    void aSegmentWithADamagedRecordIsRefused() throws Exception {
        copy(one, ORIGIN);
        Lsn damaged = ORIGIN.plus(MB + MB / 2);
        flip(fileName(one, damaged), MB / 2);
        Status status = runToTheEnd();
        refusedWith(fileName(one, damaged), "it is damaged: ");
        assertEquals(1, status.count(Outcome.REFUSED), told::toString);
        assertFalse(archive().has(name(one.history(), damaged)));
        assertEquals(status.files() - 1, status.count(Outcome.IMPORTED));
    }

    /** What goes on from a segment is damaged in the next one, whose own first page and records are right. */
    @Test
    void aRecordThatGoesOnInTheNextSegmentIsReadToItsEnd() throws Exception {
        WalCraft wal = WalCraft.begin(SEGMENT, SYSTEM, ORIGIN, 3).randomRecords(400, 300_000);
        Lsn boundary = ORIGIN;
        do {
            boundary = boundary.plus(MB);
        } while (!goesOn(wal, boundary));
        copy(wal, ORIGIN);
        flip(fileName(wal, boundary), 100);
        Status status = runToTheEnd();
        refusedWith(fileName(wal, boundary.plus(-1)), "incorrect checksum in record at");
        assertEquals(1, status.count(Outcome.REFUSED), told::toString);
    }

    /** Whether a record spans the boundary by more than a hundred bytes. */
    private static boolean goesOn(WalCraft wal, Lsn boundary) {
        assertTrue(boundary.isBefore(SEGMENT.startOf(wal.end())), "no record of the seed spans a boundary");
        return wal.lastRecordEndAt(boundary.plus(200)).isBefore(boundary);
    }

    private void flip(String file, int offset) throws IOException {
        byte[] bytes = Files.readAllBytes(folder.resolve(file));
        bytes[offset] ^= 0x40;
        Files.write(folder.resolve(file), bytes);
    }

    /** Timeline 2 was taken by a promotion at one position, and after going back again at another; segments say only the number. */
    @Test
    void aTimelineThatWasTakenTwiceIsNobodys() throws Exception {
        copy(two, fork);
        write("00000002.history", two.history().format());
        write("00000003.history", "1\t0/1100000\tx\n2\t0/1F00000\tx\n");
        Status status = runToTheEnd();
        refusedWith(fileName(two, fork), "timeline 2 was taken more than once, as 2@");
        assertEquals(2, status.count(Outcome.IMPORTED), "the histories");
    }

    @Test
    void aHistoryThatIsPartOfALaterOneIsEnough() throws Exception {
        copy(two, fork);
        TimelineHistory three = two.history().promoted(new TimelineId(3), two.end(), "later");
        write("00000003.history", three.format());
        Status status = runToTheEnd();
        assertEquals(status.files(), status.count(Outcome.IMPORTED));
        assertTrue(archive().has(name(two.history(), fork)));
        assertTrue(archive().has(new ArchivedName(two.history(), new WalFileName.History(new TimelineId(2)), SEGMENT)));
    }

    /** It may say of its own timeline and of earlier ones what others do not; of the first there is nothing to say. */
    @Test
    void aHistoryThatCantBeReadIsTriedAgainAtTheNextStartAndTheRestComes() throws Exception {
        copy(one, ORIGIN);
        copy(two, fork);
        Path history = Files.createSymbolicLink(folder.resolve("00000002.history"), Path.of("/proc/self/mem"));
        write("00000003.history", "1\t%s\tx\n2\t%s\tx\n".formatted(fork, two.end()));
        Status status = runToTheEnd();
        long ofOne = SEGMENT.startOf(one.end()).minus(ORIGIN) / MB;
        long ofTwo = SEGMENT.startOf(two.end()).minus(SEGMENT.startOf(fork)) / MB;
        assertEquals(ofOne + 1, status.count(Outcome.IMPORTED), told::toString);
        assertEquals(ofTwo + 1, status.count(Outcome.UNREADABLE), told::toString);
        assertEquals(status.files(), status.settled());
        assertFalse(archive().has(name(two.history(), fork)));
        Files.delete(history);
        write("00000002.history", two.history().format());
        Status again = runToTheEnd();
        assertEquals(ofTwo + 1, again.count(Outcome.IMPORTED), told::toString);
        assertTrue(archive().has(name(two.history(), fork)));
        assertTrue(new Imported(new DurableFiles(disk)).has(archive().id(), folder.toString()));
    }

    /** The file system goes away with an error that is no IOException. */
    @Test
    void aFileWhoseCheckFailsIsRefusedAndTheImportEnds() throws Exception {
        FileSystem zip = FileSystems.newFileSystem(directory.resolve("old.zip"), Map.of("create", "true"));
        folder = Files.createDirectory(zip.getPath("/zipped"));
        copy(two, fork);
        write("00000003.history", "1\t%s\tx\n2\t%s\tx\n".formatted(fork, two.end()));
        CountDownLatch go = new CountDownLatch(1);
        store.hangFor(key -> key.endsWith("/00000002.history"), go);
        try (FolderImport made = begin()) {
            await(() -> store.hanging() > 0);
            zip.close();
            go.countDown();
            await(() -> made.status().ended());
            refusedWith("00000003.history", "it can't be checked: ");
            refusedWith(fileName(two, fork), "it can't be checked: java.nio.file.ClosedFileSystemException");
            assertEquals(made.status().files(), made.status().count(Outcome.REFUSED));
        }
    }

    @Test
    void nothingIsOverwritten() throws Exception {
        copy(one, ORIGIN);
        byte[] others = "others".getBytes(StandardCharsets.US_ASCII);
        archive().put(name(one.history(), ORIGIN), () -> new ByteArrayInputStream(others));
        archive().put(name(one.history(), ORIGIN.plus(MB)), () -> new ByteArrayInputStream(one.bytes(ORIGIN.plus(MB), ORIGIN.plus(2 * MB))));
        Status status = runToTheEnd();
        assertEquals(1, status.count(Outcome.CONFLICT));
        assertEquals(1, status.count(Outcome.ALREADY_THERE));
        assertEquals(status.files() - 2, status.count(Outcome.IMPORTED));
        assertTrue(told.contains("conflict " + fileName(one, ORIGIN)), told::toString);
        assertArrayEquals(others, archived(name(one.history(), ORIGIN)));
    }

    @Test
    void anArchiveThatIsAwayIsWaitedFor() throws Exception {
        copy(one, ORIGIN);
        store.failFor(key -> true);
        try (FolderImport made = begin()) {
            await(() -> made.status().problem().isPresent());
            assertFalse(made.status().ended());
            store.failFor(key -> false);
            await(() -> made.status().ended());
            assertEquals(made.status().files(), made.status().count(Outcome.IMPORTED));
            assertEquals(Optional.empty(), made.status().problem());
        }
    }

    @Test
    void aFolderThatIsNotThereYetIsWaitedFor() throws Exception {
        Files.delete(folder);
        try (FolderImport made = begin()) {
            await(() -> made.status().problem().isPresent());
            Files.createDirectory(folder);
            copy(one, ORIGIN);
            await(() -> made.status().ended());
        }
    }

    @Test
    void itIsRememberedOnlyWhenAllIsThere() throws Exception {
        copy(one, ORIGIN);
        Imported imported = new Imported(new DurableFiles(disk));
        CountDownLatch go = new CountDownLatch(1);
        store.hangFor(key -> key.endsWith(fileName(one, ORIGIN.plus(2 * MB))), go);
        try (FolderImport made = begin()) {
            await(() -> made.status().settled() > 0);
            go.countDown();
        }
        String id = archive().id();
        boolean whole = told.contains("ended");
        assertEquals(whole, imported.has(id, folder.toString()));
        Status again = runToTheEnd();
        assertEquals(again.files(), again.count(Outcome.IMPORTED) + again.count(Outcome.ALREADY_THERE));
        assertTrue(again.count(Outcome.ALREADY_THERE) > 0);
        assertTrue(imported.has(id, folder.toString()));
        assertFalse(imported.has("another archive", folder.toString()));
        assertFalse(imported.has(id, directory.toString()));
    }

    @Test
    void whileTheRelayHasWalOfItsOwnOneFileIsOnItsWayAtATime() throws Exception {
        copy(one, ORIGIN);
        busy = true;
        CountDownLatch go = new CountDownLatch(1);
        store.hangFor(key -> key.contains("/00000001"), go);
        try (FolderImport made = begin()) {
            await(() -> store.hanging() > 0);
            go.countDown();
            await(() -> made.status().ended());
            assertEquals(1, store.mostHanging());
        }
    }
}
