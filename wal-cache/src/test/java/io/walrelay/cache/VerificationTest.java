package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static io.walrelay.cache.Caches.SYSTEM;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.verify.ArchivedSize;
import io.walrelay.cache.verify.Problem;
import io.walrelay.cache.verify.Report.Range;
import io.walrelay.cache.verify.Recovery;
import io.walrelay.cache.verify.Report;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.WalCraft;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is kept whole is found whole, and what is missing or does not belong there is named. */
class VerificationTest extends VerificationFixture {

    @ParameterizedTest
    @EnumSource
    void whatIsGoodIsGood(Compression compression) throws Exception {
        format = new ObjectFormat(compression, Optional.empty());
        WalCraft wal = someWal(1);
        keep(wal);
        archive(wal, ORIGIN);
        for (Report report : List.of(verifyBoth(), verifyDisk())) {
            assertClean(report);
            assertEquals(List.of(new Range(ORIGIN, wal.end(), ORIGIN)), report.branches().getFirst().ranges());
            assertPossible(report, wal, ORIGIN, wal.end());
            Recovery.Impossible more = assertImpossible(report, wal, ORIGIN, wal.end().plus(8));
            assertEquals(wal.end(), more.at());
            assertTrue(more.reason().contains("ends at"), more.reason());
        }
        Report archived = verifyArchive();
        assertClean(archived);
        Lsn end = wal.lastRecordEndAt(SEGMENT.startOf(wal.end()));
        assertEquals(List.of(new Range(ORIGIN, end, ORIGIN)), archived.branches().getFirst().ranges());
    }

    @Test
    void whatBeginsWithinARecordIsProvedFromTheNextOn() throws Exception {
        WalCraft wal = Caches.craft(2).record(3 * MB).randomRecords(6000, 3000);
        archive(wal, ORIGIN.plus(MB));
        Report report = verifyArchive();
        assertClean(report);
        Range range = report.branches().getFirst().ranges().getFirst();
        assertEquals(wal.recordStarts().get(1), range.from());
        assertEquals(ORIGIN.plus(MB), range.heldFrom());
        Recovery.Impossible lacking = assertImpossible(report, wal, ORIGIN.plus(MB), wal.end());
        assertTrue(lacking.reason().contains("begins within a record"), lacking.reason());
        assertPossible(report, wal, range.from(), range.to());
    }

    @Test
    void aMissingSegmentIsAGap() throws Exception {
        WalCraft wal = someWal(12);
        archive(wal, ORIGIN);
        store.delete(key(wal, ORIGIN.plus(MB)));
        store.delete(key(wal, ORIGIN.plus(2 * MB)));
        for (Report report : List.of(verifyArchive(), verify(Optional.empty(), true, true))) {
            Problem.Gap gap = only(Problem.Gap.class, report);
            assertEquals(ORIGIN.plus(MB), gap.missing().from());
            assertEquals(ORIGIN.plus(3 * MB), gap.missing().to());
            assertEquals(2, gap.segments());
            assertEquals(name(wal.history(), ORIGIN.plus(MB)).fileName(), gap.file());
            assertEquals(gap.message(), assertImpossible(report, wal, ORIGIN, wal.end()).reason());
        }
    }

    @Test
    void whatTheArchiveAloneLacksIsNamedAndRecoveryGoesOn() throws Exception {
        WalCraft wal = someWal(13);
        keep(wal);
        archive(wal, ORIGIN);
        store.delete(key(wal, ORIGIN.plus(MB)));
        Report report = verifyBoth();
        Problem.Gap gap = only(Problem.Gap.class, report);
        assertEquals(key(wal, ORIGIN.plus(MB)), gap.file());
        assertTrue(gap.onDisk());
        assertPossible(report, wal, ORIGIN, wal.end());
    }

    /** It is freed on the disk when it is archived, and archived in order: what the archive has not got yet is no gap. */
    @Test
    void whatIsStillToBeArchivedIsNoProblem() throws Exception {
        WalCraft wal = someWal(14);
        keep(wal);
        archive(wal, ORIGIN);
        for (Lsn at = SEGMENT.startOf(wal.end()).plus(-2 * MB); at.isBefore(SEGMENT.startOf(wal.end())); at = at.plus(MB)) {
            store.delete(key(wal, at));
        }
        disk.delete(onDisk(wal, ORIGIN));
        Report report = verifyBoth();
        assertClean(report);
        assertPossible(report, wal, ORIGIN, wal.end());
    }

    @Test
    void aGapThatTheRelayKnowsOfIsCalledSo() throws Exception {
        WalCraft wal = someWal(23);
        Lsn again = ORIGIN.plus(4 * MB);
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Caches.append(cache, wal, ORIGIN, ORIGIN.plus(2 * MB + 5000));
            cache.writer().publish();
            cache.writer().flush();
            cache.skipTo(again);
            write(cache, wal, again);
        }
        Problem.Gap gap = only(Problem.Gap.class, verifyDisk());
        assertTrue(gap.known());
        assertEquals(ORIGIN.plus(2 * MB + 5000), gap.missing().from());
        assertEquals(again, gap.missing().to());
    }

    @Test
    void filesThatHaveNoBusinessThereAreNamed() throws Exception {
        WalCraft wal = someWal(17);
        keep(wal);
        archive(wal, ORIGIN);
        String stray = key(wal, ORIGIN).replaceFirst("/[^/]*$", "/notes.txt");
        store.damage(stray, new byte[3]);
        String notOfALineage = SYSTEM + "/notes.txt";
        store.damage(notOfALineage, new byte[3]);
        disk.create("wal/000000070000000000000001").close();
        disk.create("wal/xlogtemp.3").close();
        Report report = verifyBoth();
        assertEquals(
                List.of("wal/000000070000000000000001", stray, notOfALineage),
                report.problems().stream().map(problem -> assertInstanceOf(Problem.UnknownFile.class, problem).file()).toList());
    }

    @Test
    void anArchiveTellsHowLargeSegmentsAreAlsoWhenTheFirstIsDamaged() throws Exception {
        WalCraft wal = someWal(28);
        archive(wal, ORIGIN);
        store.damage(key(wal, ORIGIN), new byte[100]);
        assertEquals(Optional.of(SEGMENT), ArchivedSize.find(ArchiveReader.open(store, format, Optional.empty()), SYSTEM));
        assertEquals(Optional.empty(), ArchivedSize.find(ArchiveReader.open(store, format, Optional.empty()), new SystemId(8)));
    }
}
