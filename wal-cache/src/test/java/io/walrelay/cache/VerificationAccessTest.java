package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static io.walrelay.cache.Caches.SYSTEM;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.Encryption;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.storage.Storage;
import io.walrelay.cache.verify.ArchivedSize;
import io.walrelay.cache.verify.Progress;
import io.walrelay.cache.verify.Recovery;
import io.walrelay.cache.verify.Report;
import io.walrelay.cache.verify.StoredFile;
import io.walrelay.cache.verify.Verification;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** What could not be looked at is neither good nor bad, and what a relay does meanwhile is no problem. */
class VerificationAccessTest extends VerificationFixture {

    @Test
    void whatCanNotBeAskedIsNoProblemAndNoAnswer() throws Exception {
        WalCraft wal = someWal(24);
        keep(wal);
        archive(wal, ORIGIN);
        store.failFor(key -> key.equals(key(wal, ORIGIN.plus(MB))));
        Report withDisk = verifyBoth();
        assertEquals(List.of(), withDisk.problems());
        assertEquals(1, withDisk.unread().size());
        assertPossible(withDisk, wal, ORIGIN, wal.end());
        Report without = verifyArchive();
        assertEquals(List.of(), without.problems());
        Recovery.Unknown unknown = assertInstanceOf(Recovery.Unknown.class, recovery(without, wal, ORIGIN, wal.end()));
        assertEquals(SEGMENT.segmentNumber(ORIGIN.plus(MB)), SEGMENT.segmentNumber(unknown.at().plus(MB / 2)));
        store.failFor(key -> key.equals(SYSTEM.toString()));
        Report unlisted = verifyArchive();
        assertEquals("archive", unlisted.unread().getFirst().what());
        assertEquals(List.of(), unlisted.problems());
    }

    @Test
    void whatIsEncryptedWithAnotherKeyIsNotDamaged() throws Exception {
        WalCraft wal = someWal(27);
        format = new ObjectFormat(Compression.NONE, Optional.of(Encryption.withKeyFrom(Files.write(spool.resolve("key"), new byte[32]))));
        archive(wal, ORIGIN);
        assertClean(verifyArchive());
        format = new ObjectFormat(Compression.NONE, Optional.empty());
        Report report = verifyArchive();
        assertEquals(List.of(), report.problems());
        assertTrue(report.unread().getFirst().reason().contains("it is encrypted with key"), () -> report.unread().toString());
        assertInstanceOf(Recovery.Unknown.class, recovery(report, wal, ORIGIN, wal.end()));
        IOException size = assertThrows(IOException.class, () -> ArchivedSize.find(ArchiveReader.open(store, format, Optional.empty()), SYSTEM));
        assertTrue(size.toString().contains("it is encrypted with key"), size.toString());
    }

    @Test
    void aRelayMayWriteMeanwhile() throws Exception {
        WalCraft wal = Caches.craft(25).randomRecords(40_000, 3000);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Lsn some = ORIGIN.plus(6 * MB);
            Caches.append(cache, wal, ORIGIN, some);
            cache.writer().publish();
            cache.writer().flush();
            AtomicBoolean done = new AtomicBoolean();
            Thread writing = Thread.ofPlatform().start(() -> {
                try {
                    for (Lsn at = some; at.isBefore(wal.end()) && !done.get(); at = Lsn.min(wal.end(), at.plus(7777))) {
                        Caches.append(cache, wal, at, Lsn.min(wal.end(), at.plus(7777)));
                        cache.writer().publish();
                        cache.writer().flush();
                    }
                } catch (IOException | DivergentWalException e) {
                    throw new IllegalStateException(e);
                }
            });
            for (int round = 0; round < 5; round++) {
                Report report = verifyDisk();
                assertEquals(List.of(), report.problems());
                assertPossible(report, wal, ORIGIN, some.plus(-9000));
            }
            done.set(true);
            writing.join();
        }
    }

    /** The disk, where a file that is listed is gone when it is opened. */
    private Storage without(String path) {
        return (Storage) Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {Storage.class}, (_, method, arguments) -> {
            if (method.getName().equals("open") && path.equals(arguments[0])) {
                throw new NoSuchFileException(path);
            }
            try {
                return method.invoke(disk, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        });
    }

    @Test
    void aFileThatVanishedIsNoProblem() throws Exception {
        WalCraft wal = someWal(26);
        keep(wal);
        Report report = verify(Optional.of(without(onDisk(wal, ORIGIN))), false, false);
        assertEquals(List.of(), report.problems());
        assertEquals(List.of(onDisk(wal, ORIGIN)), report.vanished().stream().map(StoredFile::path).toList());
        assertEquals(wal.end(), report.branches().getFirst().ranges().getLast().to());
    }

    /** The archive may have had it, or the relay freed it: that can't be told from what was read. */
    @Test
    void aRecoveryThatNeedsAFileThatVanishedIsNotKnown() throws Exception {
        WalCraft wal = someWal(32);
        keep(wal);
        Report report = verify(Optional.of(without(onDisk(wal, ORIGIN.plus(MB)))), false, false);
        Recovery.Unknown unknown = assertInstanceOf(Recovery.Unknown.class, recovery(report, wal, ORIGIN, wal.end()));
        assertTrue(unknown.reason().contains("went away"), unknown.reason());
    }

    @Test
    void nothingIsMissingWhereTheArchiveCanNotBeListed() throws Exception {
        WalCraft wal = someWal(33);
        keep(wal);
        archive(wal, ORIGIN);
        disk.delete(onDisk(wal, ORIGIN.plus(MB)));
        assertClean(verifyBoth());
        store.failFor(key -> key.equals(SYSTEM.toString()));
        Report report = verifyBoth();
        assertEquals(List.of(), report.problems());
        assertEquals("archive", report.unread().getFirst().what());
        assertInstanceOf(Recovery.Unknown.class, recovery(report, wal, ORIGIN, wal.end()));
    }

    /** An empty mount point has nothing, which proves nothing. */
    @Test
    void anArchiveThatGoesAwayIsNotEmpty() throws Exception {
        WalCraft wal = someWal(34);
        archive(wal, ORIGIN);
        ArchiveReader reader = ArchiveReader.open(store, format, Optional.empty());
        store.keys().forEach(this::remove);
        Report report = new Verification(SYSTEM, SEGMENT, Optional.empty(), Optional.of(reader), false, new Progress()).run();
        assertEquals(List.of(), report.problems());
        assertTrue(report.unread().getFirst().reason().contains("is it mounted?"), () -> report.unread().toString());
    }

    private void remove(String key) {
        try {
            store.delete(key);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aDirectoryWithoutWalIsNotEmpty() throws Exception {
        keep(someWal(35));
        for (String name : disk.list("wal")) {
            disk.delete("wal/" + name);
        }
        Storage unmounted = (Storage) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Storage.class}, (_, method, arguments) -> method.getName().equals("exists") ? false : method.invoke(disk, arguments));
        Report report = verify(Optional.of(unmounted), false, false);
        assertEquals("disk", report.unread().getFirst().what());
    }
}
