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
        return SlotImport.decide(new SlotImport.Wanted(name, Lsn.parse(lsn)), SlotImport.Server.on(TimelineId.of(timeline)), LINEAGE, reach, Set.of("there"));
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
        "s | 0/5000001 | 1 | is past 0/5000000, where the relay",
        "No | 0/5000000 | 2 | replication slot name \"No\" contains invalid character",
    })
    void refusesWhatItCouldNotServe(String name, String lsn, int timeline, String reason) {
        refused(reason, decide(name, lsn, timeline, REACH));
    }

    /** Else a standby of the server that went on would be sent along the lineage that the relay follows, past the fork. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "1 | 0/0       | 0/5000000 | taken",
        "1 | 0/0       | 0/5000001 | 0/5000001 on timeline 1 is past 0/5000000, where the relay",
        "1 |           | 0/5000001 | is past 0/5000000",
        "2 | 0/5000000 | 0/9000000 | taken",
        "2 | 0/4800000 | 0/9000000 | timeline 2 begins at 0/4800000 there, and at 0/5000000 on the relay: two servers took the number",
    })
    void refusesASlotOfAServerWhoseLineageIsAnother(int timeline, String begin, String reached, String answer) {
        SlotImport.Server server = new SlotImport.Server(TimelineId.of(timeline), Optional.ofNullable(begin).map(Lsn::parse), Optional.of(Lsn.parse(reached)));
        SlotImport decided = SlotImport.decide(new SlotImport.Wanted("s", Lsn.parse("0/4000000")), server, LINEAGE, REACH, Set.of());
        if (answer.equals("taken")) {
            assertEquals(new SlotImport.Taken("s", Lsn.parse("0/4000000")), decided);
        } else {
            refused(answer, decided);
        }
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
