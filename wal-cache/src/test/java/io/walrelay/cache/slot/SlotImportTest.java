package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * <pre>
 *   timeline 1 ──── archive from 0/2000000 ──── disk from 0/4000000 ──┐ 0/5000000
 *   timeline 2                                                       └──── 0/6000000
 * </pre>
 */
class SlotImportTest {

    private static final TimelineHistory LINEAGE = TimelineHistory.root(TimelineId.of(1)).promoted(TimelineId.of(2), Lsn.parse("0/5000000"), "");
    private static final Reach REACH = new Reach(Lsn.parse("0/4000000"), Lsn.parse("0/6000000"), Optional.of(Lsn.parse("0/2000000")), false);

    private static SlotImport decide(String name, String lsn, int timeline, Reach reach) {
        return SlotImport.decide(new SlotImport.Wanted(name, Lsn.parse(lsn)), TimelineId.of(timeline), LINEAGE, reach, Set.of("there"));
    }

    @ParameterizedTest
    @CsvSource({
        "2, 0/5000028, 0/5000028",
        "2, 0/4000000, 0/4000000",
        "2, 0/2000000, 0/2000000",
        "1, 0/4000000, 0/4000000",
        "1, 0/5000000, 0/5000000",
        "2, 0/6000028, 0/6000000",
    })
    void takesASlotWhoseWalIsHeldAndReservesNoLaterThanItDid(int timeline, String lsn, String from) {
        assertEquals(new SlotImport.Taken("s", Lsn.parse(from)), decide("s", lsn, timeline, REACH));
    }

    @Test
    void leavesASlotAsItIsThatTheRelayHas() {
        assertEquals(new SlotImport.Kept("there"), decide("there", "0/5000000", 2, REACH));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "s | 0/0 | 2 | reserves no WAL",
        "s | 0/1FFFFFF | 2 | it needs WAL from 0/1FFFFFF on, and the relay has it from 0/2000000 on",
        "s | 0/5000000 | 3 | it is on timeline 3, the relay on 2; try again",
        "s | 0/5000001 | 1 | is past where the relay's history left that timeline",
        "No | 0/5000000 | 2 | replication slot name \"No\" contains invalid character",
    })
    void refusesWhatItCouldNotServe(String name, String lsn, int timeline, String reason) {
        refused(reason, decide(name, lsn, timeline, REACH));
    }

    @Test
    void anArchiveThatWasNotAskedYetIsNotOneThatLacksTheWal() {
        Reach unknown = new Reach(REACH.oldest(), REACH.end(), Optional.empty(), true);
        refused("is not known yet; try again", decide("s", "0/3000000", 2, unknown));
        Reach none = new Reach(REACH.oldest(), REACH.end(), Optional.empty(), false);
        refused("the relay has it from 0/4000000 on", decide("s", "0/3000000", 2, none));
    }

    private static void refused(String reason, SlotImport decided) {
        assertTrue(decided instanceof SlotImport.Refused(var _, var said) && said.contains(reason), decided::toString);
    }
}
