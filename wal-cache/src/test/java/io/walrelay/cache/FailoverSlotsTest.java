package io.walrelay.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class FailoverSlotsTest {

    private static final TimelineHistory LINEAGE = TimelineHistory.root(new TimelineId(1)).promoted(new TimelineId(2), new Lsn(0x5000000), "no recovery target specified");
    private static final FailoverSlot SUB =
            new FailoverSlot("sub", "pgoutput", "shop", true, Lsn.parse("0/3000028"), Lsn.parse("1/3000060"), 4_294_967_290L, Optional.empty());

    private static final FailoverSlot OTHER =
            new FailoverSlot("other", "pgoutput", "shop", false, Lsn.parse("0/3000028"), Lsn.parse("0/3000060"), 700, Optional.empty());

    private final CrashableStorage disk = new CrashableStorage();

    private FailoverSlots load() throws IOException {
        return FailoverSlots.load(new DurableFiles(disk));
    }

    @Test
    void whatWasSavedOutlivesACrash() throws Exception {
        FailoverSlots slots = load();
        assertEquals(Optional.empty(), slots.seen());
        FailoverSlots.Seen seen = new FailoverSlots.Seen(LINEAGE, List.of(SUB, SUB.invalidated("wal_removed")));
        slots.see(seen);
        slots.save();
        slots.see(new FailoverSlots.Seen(LINEAGE, List.of()));
        assertEquals(Optional.of(seen), FailoverSlots.load(new DurableFiles(disk.copyAfterCrash(1))).seen());
    }

    /** Before each single change of the disk that a save makes. */
    @Test
    void aCrashLeavesWhatWasSeenBeforeOrWhatIsSeenNow() throws Exception {
        FailoverSlots.Seen before = new FailoverSlots.Seen(LINEAGE, List.of(SUB));
        FailoverSlots.Seen after = new FailoverSlots.Seen(LINEAGE, List.of(SUB.invalidated("wal_removed"), OTHER));
        boolean done = false;
        int points = 0;
        while (!done) {
            points++;
            CrashableStorage machine = new CrashableStorage();
            FailoverSlots slots = FailoverSlots.load(new DurableFiles(machine));
            slots.see(before);
            slots.save();
            slots.see(after);
            machine.crashBeforeOperation(points);
            try {
                slots.save();
                done = true;
            } catch (IOException e) {
                done = false;
            }
            for (int seed = 0; seed < 16; seed++) {
                Optional<FailoverSlots.Seen> found = FailoverSlots.load(new DurableFiles(machine.crash(seed))).seen();
                assertTrue(
                        found.equals(Optional.of(after)) || (!done && found.equals(Optional.of(before))),
                        "crash before change %d, seed %d: %s".formatted(points, seed, found));
            }
        }
        assertTrue(points > 3, points + " crash points");
    }

    @Test
    void oneThatUpstreamHasInvalidatedHoldsNothing() {
        assertEquals(true, SUB.holds());
        assertEquals(false, SUB.invalidated("wal_removed").holds());
    }
}
