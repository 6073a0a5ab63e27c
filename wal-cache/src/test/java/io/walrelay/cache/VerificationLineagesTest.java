package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static io.walrelay.cache.Caches.SYSTEM;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.verify.Problem;
import io.walrelay.cache.verify.Recovery;
import io.walrelay.cache.verify.Report;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Forks are followed, orphans are read from their forks on, and histories are compared. */
class VerificationLineagesTest extends VerificationFixture {

    private WalCraft promoted(WalCraft wal, int timeline) {
        return wal.promoted(new TimelineId(timeline), wal.lastRecordEndAt(ORIGIN.plus(3 * MB + MB / 3))).randomRecords(3000, 3000);
    }

    /** One loses to two: what was written past the fork is an orphan, here and in the archive. */
    @Test
    void aForkIsFollowedAndOrphansAreReadFromTheirForkOn() throws Exception {
        WalCraft one = Caches.craft(18).randomRecords(25_000, 3000);
        WalCraft two = promoted(one, 2);
        Lsn fork = two.history().begin();
        try (WalCache cache = Caches.create(disk, one, ORIGIN)) {
            write(cache, one, ORIGIN);
            cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN);
            write(cache, two, fork);
        }
        archive(one, ORIGIN);
        archive(two, fork);
        Report report = verifyBoth();
        assertClean(report);
        assertEquals(List.of(two.history().id(), one.history().id()), report.branches().stream().map(branch -> branch.lineage().id()).toList());
        Report.Branch orphan = report.branches().get(1);
        assertEquals(Report.Standing.ORPHAN, orphan.standing());
        assertEquals(Optional.of(fork), orphan.fork());
        assertEquals(Optional.of(two.history().id()), orphan.parent());
        assertEquals(one.end(), orphan.ranges().getLast().to());
        assertPossible(report, two, ORIGIN, two.end());
        assertPossible(report, one, ORIGIN, one.end());
        assertEquals(List.of(two.history()), Recovery.lineages(report, "2"));
        assertEquals(List.of(one.history()), Recovery.lineages(report, one.history().id()));

        // Damage past the fork is the orphan's alone.
        Lsn record = aRecordIn(one, ORIGIN.plus(4 * MB));
        String file = orphanFile(one, record);
        flipOnDisk(file, SEGMENT.offset(record) + 21);
        store.delete(key(one, record));
        Report damaged = verifyBoth();
        assertEquals(file, one(Problem.BadWal.class, damaged).file());
        assertPossible(damaged, two, ORIGIN, two.end());
        assertEquals(record, assertImpossible(damaged, one, ORIGIN, one.end()).at());
    }

    private static String orphanFile(WalCraft wal, Lsn lsn) {
        return "orphans/%s/%s".formatted(wal.history().directoryName(), name(wal.history(), lsn).fileName());
    }

    @Test
    void aTimelineNumberThatIsTakenTwiceIsTwoLineages() throws Exception {
        WalCraft one = Caches.craft(19).randomRecords(25_000, 3000);
        WalCraft two = promoted(one, 2);
        WalCraft other = one.promoted(new TimelineId(2), one.lastRecordEndAt(ORIGIN.plus(5 * MB + MB / 2))).randomRecords(3000, 3000);
        archive(one, ORIGIN);
        archive(two, two.history().begin());
        archive(other, other.history().begin());
        Report report = verifyArchive();
        assertClean(report);
        assertEquals(2, Recovery.lineages(report, "2").size());
        for (WalCraft wal : List.of(two, other)) {
            assertPossible(report, wal, ORIGIN, wal.lastRecordEndAt(SEGMENT.startOf(wal.end())));
        }
    }

    /** The old timeline's end as it is archived: what it shares with the new one, and zeros. */
    @Test
    void theEndOfATimelineThatWasLeftIsReadAndIsNoOrphan() throws Exception {
        WalCraft one = Caches.craft(20).randomRecords(25_000, 3000);
        WalCraft two = promoted(one, 2);
        Lsn fork = two.history().begin();
        Lsn last = SEGMENT.startOf(fork);
        archive(two, fork);
        for (Lsn at = ORIGIN; at.isBefore(last); at = at.plus(MB)) {
            put(name(one.history(), at), one.bytes(at, at.plus(MB)));
        }
        ArchivedName partial = new ArchivedName(one.history(), new WalFileName.Partial(SegmentId.at(new TimelineId(1), last, SEGMENT)), SEGMENT);
        byte[] end = Arrays.copyOf(one.bytes(last, fork), MB);
        put(partial, end);
        Report report = verifyArchive();
        assertClean(report);
        assertEquals(1, report.branches().size());
        assertPossible(report, two, ORIGIN, two.lastRecordEndAt(SEGMENT.startOf(two.end())));

        Lsn record = one.lastRecordEndAt(last.plus(MB / 4));
        end[SEGMENT.offset(record) + 21] ^= 1;
        store.damage(ArchiveReader.key(SYSTEM, partial), end);
        assertEquals(ArchiveReader.key(SYSTEM, partial), only(Problem.BadWal.class, verifyArchive()).file());
    }

    @Test
    void aMissingHistoryIsNamed() throws Exception {
        WalCraft one = Caches.craft(21).randomRecords(25_000, 3000);
        WalCraft two = promoted(one, 2);
        archive(one, ORIGIN);
        archive(two, two.history().begin());
        String history = store.keys().stream().filter(key -> key.endsWith("00000002.history")).findFirst().orElseThrow();
        byte[] text = store.bytes(history);
        store.damage(history, "1\t0/5000028\tanother\n".getBytes(StandardCharsets.US_ASCII));
        assertEquals(history, only(Problem.MissingHistory.class, verifyArchive()).file());
        store.damage(history, text);
        assertClean(verifyArchive());
        store.delete(history);
        assertEquals(history, only(Problem.MissingHistory.class, verifyArchive()).file());
    }

    @Test
    void whatTheRelayKnowsNothingOfIsNamedAmongOrphans() throws Exception {
        WalCraft one = Caches.craft(30).randomRecords(25_000, 3000);
        WalCraft two = promoted(one, 2);
        keep(one);
        disk.createDirectory("orphans/" + two.history().directoryName());
        disk.create(orphanFile(two, two.history().begin())).close();
        assertEquals(orphanFile(two, two.history().begin()), only(Problem.UnknownFile.class, verifyDisk()).file());
    }

    @Test
    void aHistoryThatTheLocalDiskLacksIsNamed() throws Exception {
        WalCraft one = Caches.craft(31).randomRecords(25_000, 3000);
        WalCraft two = promoted(one, 2);
        try (WalCache cache = Caches.create(disk, one, ORIGIN)) {
            write(cache, one, ORIGIN);
            cache.follow(two.history(), Caches.historyText(two.history()), ORIGIN);
        }
        assertClean(verifyDisk());
        disk.delete("wal/00000002.history");
        assertEquals("wal/00000002.history", only(Problem.MissingHistory.class, verifyDisk()).file());
    }
}
