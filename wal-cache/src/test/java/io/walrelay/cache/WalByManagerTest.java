package io.walrelay.cache;

import static io.walrelay.cache.Caches.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.index.BlockWal;
import io.walrelay.cache.index.Changes;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.util.List;
import org.junit.jupiter.api.Test;

class WalByManagerTest {

    private final WalCraft wal = some(new BlockWal(Caches.craft(1), 1)).wal();
    private final WalByManager counted = from(ORIGIN);

    /** Of two resource managers, with images. */
    private static BlockWal some(BlockWal log) {
        log.random(50_000);
        log.commit(1);
        return log.random(50_000);
    }

    private WalByManager from(Lsn end) {
        return new WalByManager(new EndOfWal(wal.history(), end, end, end, end));
    }

    /** Reads from the beginning, as a verifier does that begins anew. Returns what there is from {@code from} on. */
    private static List<Changes.ManagerStatistics> read(WalByManager counts, WalCraft log, Lsn from) throws Exception {
        Changes all = new Changes();
        WalRecord record = new WalRecord();
        WalReader reader = WalReader.open(log.source(), log.identity(), ORIGIN);
        while (reader.next()) {
            reader.take(record);
            counts.saw(record, reader.lastRecordEnd());
            if (record.start().isAtLeast(from)) {
                all.add(record);
            }
        }
        return all.byManager();
    }

    private static long records(List<Changes.ManagerStatistics> managers) {
        return managers.stream().mapToLong(Changes.ManagerStatistics::records).sum();
    }

    @Test
    void hasTheNumbersOfTheIndex() throws Exception {
        assertEquals(List.of(), counted.counts());
        assertEquals(read(counted, wal, ORIGIN), counted.counts());
        assertEquals(List.of("Transaction", "Heap"), counted.counts().stream().map(Changes.ManagerStatistics::resourceManager).toList());
        assertTrue(counted.counts().getLast().imageBytes() > 0, counted.counts()::toString);
    }

    @Test
    void countsOnceWhatIsReadTwice() throws Exception {
        List<Changes.ManagerStatistics> once = read(counted, wal, ORIGIN);
        assertEquals(once, read(counted, wal, ORIGIN));
        assertEquals(once, counted.counts());
    }

    @Test
    void whatWasThereAtTheStartDoesNotCount() throws Exception {
        Lsn start = wal.recordStarts().get(wal.recordStarts().size() - 20);
        WalByManager later = from(start);
        assertEquals(read(later, wal, start), later.counts());
        assertEquals(20, records(later.counts()));
    }

    /** Both sides of a fork came, and were written by somebody. */
    @Test
    void pastAForkTheOtherSideCountsToo() throws Exception {
        WalCraft two = wal.promoted(new TimelineId(2), wal.recordEnds().get(wal.recordEnds().size() / 2));
        some(new BlockWal(two, 2));
        long before = records(read(counted, wal, ORIGIN));
        counted.follow(two.history());
        long past = records(read(counted, two, two.history().begin()));
        assertTrue(past > 50, () -> "past the fork: " + past);
        assertEquals(before + past, records(counted.counts()));
    }
}
