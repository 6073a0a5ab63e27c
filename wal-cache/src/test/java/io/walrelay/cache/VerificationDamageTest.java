package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.Encryption;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.storage.Storage;
import io.walrelay.cache.verify.Problem;
import io.walrelay.cache.verify.Report.Range;
import io.walrelay.cache.verify.Recovery;
import io.walrelay.cache.verify.Report;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.format.WalEnd;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A copy that is not what was written is named, and another makes up for it. */
class VerificationDamageTest extends VerificationFixture {

    @Test
    void aFlippedBitOnDiskIsARecordThatIsNone() throws Exception {
        WalCraft wal = someWal(3);
        keep(wal);
        Lsn record = aRecordIn(wal, ORIGIN.plus(MB));
        flipOnDisk(onDisk(wal, record), SEGMENT.offset(record) + 21);
        Report report = verifyDisk();
        Problem.BadWal bad = only(Problem.BadWal.class, report);
        assertEquals(onDisk(wal, record), bad.file());
        assertEquals(record, assertInstanceOf(WalEnd.BadChecksum.class, bad.flaw()).at());
        assertEquals(2, report.branches().getFirst().ranges().size());
        assertPossible(report, wal, ORIGIN, record);
        Recovery.Impossible lacking = assertImpossible(report, wal, ORIGIN, wal.end());
        assertEquals(record, lacking.at());
        assertEquals(bad.message(), lacking.reason());
        assertPossible(report, wal, report.branches().getFirst().ranges().get(1).from(), wal.end());
    }

    @Test
    void aGoodCopyInTheArchiveMakesUpForABadOneOnDisk() throws Exception {
        WalCraft wal = someWal(4);
        keep(wal);
        archive(wal, ORIGIN);
        Lsn record = aRecordIn(wal, ORIGIN.plus(MB));
        flipOnDisk(onDisk(wal, record), SEGMENT.offset(record) + 21);
        Report report = verifyBoth();
        assertEquals(2, report.problems().size(), () -> report.problems().toString());
        assertEquals(onDisk(wal, record), one(Problem.BadWal.class, report).file());
        Problem.DifferentBytes different = one(Problem.DifferentBytes.class, report);
        assertEquals(record.plus(21), different.at());
        assertEquals(List.of(new Range(ORIGIN, wal.end(), ORIGIN)), report.branches().getFirst().ranges());
        assertPossible(report, wal, ORIGIN, wal.end());
    }

    /** The record's beginning is good on the disk, and its end is not. */
    @Test
    void aGoodCopyMakesUpForTheEndOfARecordThatCrossesSegments() throws Exception {
        WalCraft wal = Caches.craft(5).randomRecords(2000, 3000).record(3 * MB).randomRecords(3000, 3000);
        keep(wal);
        archive(wal, ORIGIN);
        Lsn inside = SEGMENT.endOf(wal.recordStarts().get(2000)).plus(MB + MB / 2 + 100);
        flipOnDisk(onDisk(wal, inside), SEGMENT.offset(inside));
        Report report = verifyBoth();
        assertEquals(onDisk(wal, inside), one(Problem.BadWal.class, report).file());
        assertEquals(onDisk(wal, inside), one(Problem.DifferentBytes.class, report).other().path());
        assertPossible(report, wal, ORIGIN, wal.end());
    }

    @Test
    void differentBytesInTheArchiveAreFoundThoughTheDiskIsGood() throws Exception {
        WalCraft wal = someWal(6);
        keep(wal);
        archive(wal, ORIGIN);
        Lsn record = aRecordIn(wal, ORIGIN.plus(MB));
        flipInArchive(key(wal, record), SEGMENT.offset(record) + 21);
        Report report = verifyBoth();
        Problem.DifferentBytes different = only(Problem.DifferentBytes.class, report);
        assertEquals(key(wal, record), different.file());
        assertEquals(onDisk(wal, record), different.other().path());
        assertEquals(record.plus(21), different.at());
        assertPossible(report, wal, ORIGIN, wal.end());
    }

    @Test
    void aFlippedBitInAPlainObjectIsARecordThatIsNone() throws Exception {
        WalCraft wal = someWal(7);
        archive(wal, ORIGIN);
        Lsn record = aRecordIn(wal, ORIGIN.plus(MB));
        flipInArchive(key(wal, record), SEGMENT.offset(record) + 21);
        Report report = verifyArchive();
        assertEquals(key(wal, record), only(Problem.BadWal.class, report).file());
        assertEquals(record, assertImpossible(report, wal, ORIGIN, wal.end()).at());
    }

    @Test
    void aFlippedBitInAPageHeaderIsNamed() throws Exception {
        WalCraft wal = someWal(8);
        archive(wal, ORIGIN);
        Lsn page = ORIGIN.plus(MB + 5 * 8192);
        flipInArchive(key(wal, page), SEGMENT.offset(page) + 9);
        Problem.BadWal bad = only(Problem.BadWal.class, verifyArchive());
        assertEquals(page, assertInstanceOf(WalEnd.WrongPageAddress.class, bad.flaw()).at());
    }

    @Test
    void aFlippedBitInACompressedObjectIsDamage() throws Exception {
        format = new ObjectFormat(Compression.ZSTD, Optional.empty());
        WalCraft wal = someWal(9);
        archive(wal, ORIGIN);
        String key = key(wal, ORIGIN.plus(MB));
        flipInArchive(key, store.bytes(key).length / 2);
        Report report = verifyArchive();
        assertEquals(key, only(Problem.Damaged.class, report).file());
        Recovery.Impossible lacking = assertImpossible(report, wal, ORIGIN, wal.end());
        // The record that goes on in the damaged segment is lost with it.
        assertEquals(wal.recordStarts().get(wal.recordEnds().indexOf(wal.lastRecordEndAt(ORIGIN.plus(MB))) + 1), lacking.at());
        assertTrue(lacking.reason().contains("is damaged"), lacking.reason());
    }

    @Test
    void aDamagedObjectIsMadeUpForByTheDisk() throws Exception {
        format = new ObjectFormat(Compression.LZ4, Optional.empty());
        WalCraft wal = someWal(10);
        keep(wal);
        archive(wal, ORIGIN);
        String key = key(wal, ORIGIN.plus(2 * MB));
        store.damage(key, Arrays.copyOf(store.bytes(key), 70_000));
        Report report = verifyBoth();
        assertEquals(key, only(Problem.Damaged.class, report).file());
        assertPossible(report, wal, ORIGIN, wal.end());
    }

    @Test
    void aShortFileIsNamedInBothTiers() throws Exception {
        WalCraft wal = someWal(11);
        archive(wal, ORIGIN);
        String key = key(wal, ORIGIN.plus(MB));
        store.damage(key, Arrays.copyOf(store.bytes(key), MB / 2));
        Problem.WrongLength length = only(Problem.WrongLength.class, verifyArchive());
        assertEquals(key, length.file());
        assertEquals(MB / 2, length.found());
        keep(wal);
        Lsn third = ORIGIN.plus(2 * MB);
        disk.delete(onDisk(wal, third));
        try (Storage.File file = disk.create(onDisk(wal, third))) {
            file.write(ByteBuffer.wrap(wal.bytes(third, third.plus(1000))), 0);
        }
        assertEquals(onDisk(wal, third), one(Problem.WrongLength.class, verifyDisk()).file());
        assertEquals(onDisk(wal, third), only(Problem.WrongLength.class, verify(Optional.of(disk), false, true)).file());
    }

    @Test
    void otherBytesBesideAreAConflict() throws Exception {
        WalCraft wal = someWal(15);
        archive(wal, ORIGIN);
        byte[] others = wal.bytes(ORIGIN.plus(MB), ORIGIN.plus(2 * MB));
        others[MB / 2] ^= 1;
        Archive.Put.Conflict put = assertInstanceOf(Archive.Put.Conflict.class, put(name(wal.history(), ORIGIN.plus(MB)), others));
        assertEquals(put.key(), only(Problem.Conflict.class, verify(Optional.empty(), true, true)).file());
        Report report = verifyArchive();
        assertEquals(put.key(), only(Problem.Conflict.class, report).file());
        assertPossible(report, wal, ORIGIN, wal.lastRecordEndAt(SEGMENT.startOf(wal.end())));
    }

    @Test
    void whatLiesInAnothersPlaceIsNamed() throws Exception {
        format = new ObjectFormat(Compression.ZSTD, Optional.empty());
        WalCraft wal = someWal(16);
        archive(wal, ORIGIN);
        store.damage(key(wal, ORIGIN.plus(MB)), store.bytes(key(wal, ORIGIN)));
        Problem.Damaged damaged = only(Problem.Damaged.class, verifyArchive());
        assertEquals(key(wal, ORIGIN.plus(MB)), damaged.file());
        assertTrue(damaged.reason().contains(name(wal.history(), ORIGIN).fileName()), damaged.reason());
    }

    @Test
    void damageInTheSegmentThatIsBeingWrittenIsToldFromItsEnd() throws Exception {
        WalCraft wal = Caches.craft(22).randomRecords(8000, 3000);
        Lsn last = SEGMENT.startOf(wal.end());
        assertTrue(wal.end().isAfter(last.plus(100_000)), "the seed leaves something in the last segment");
        keep(wal);
        assertClean(verifyDisk());
        Lsn record = wal.lastRecordEndAt(last.plus(20_000));
        flipOnDisk(onDisk(wal, record) + ".partial", SEGMENT.offset(record) + 21);
        Report report = verifyDisk();
        assertEquals(onDisk(wal, record) + ".partial", only(Problem.BadWal.class, report).file());
        assertEquals(record, assertImpossible(report, wal, ORIGIN, wal.end()).at());
    }

    @ParameterizedTest
    @EnumSource
    void aFlippedBitInAnEncryptedObjectIsDamage(Compression compression) throws Exception {
        format = new ObjectFormat(compression, Optional.of(Encryption.withKeyFrom(Files.write(spool.resolve("key"), new byte[32]))));
        WalCraft wal = someWal(29);
        archive(wal, ORIGIN);
        assertClean(verifyArchive());
        String key = key(wal, ORIGIN.plus(MB));
        flipInArchive(key, store.bytes(key).length / 2);
        assertEquals(key, only(Problem.Damaged.class, verifyArchive()).file());
    }
}
