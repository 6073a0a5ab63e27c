package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What slots keep on the primary for their standbys. */
final class SlotXminsTest {

    private static final Lsn AT = Lsn.parse("0/3000000");

    private final CrashableStorage disk = new CrashableStorage();
    private final Slots slots;

    SlotXminsTest() throws IOException {
        this.slots = Slots.load(new DurableFiles(disk));
    }

    @BeforeEach
    void oneSlotThatSession7Uses() throws Exception {
        slots.create("s", false, AT, 7);
        slots.acquire("s", 7);
    }

    @Test
    void keepsWhatItsStandbyWantsWhileThatIsAwayAndOverACrash() throws Exception {
        assertFalse(slots.feedback("s", 8, xmins(700, 0)), "not its session");
        assertEquals(List.of(), slots.thatHoldXids());
        assertTrue(slots.feedback("s", 7, xmins(700, 600)), "after a crash it would keep none");
        slots.save();
        assertFalse(slots.feedback("s", 7, xmins(710, 600)));
        assertEquals(xmins(700, 600), afterCrash().find("s").orElseThrow().xmins(), "not saved yet: it keeps more");
        slots.sessionEnded(7);
        slots.save();
        assertEquals(xmins(710, 600), slots.find("s").orElseThrow().xmins());
        Slots after = afterCrash();
        assertEquals(xmins(710, 600), after.find("s").orElseThrow().xmins());
        assertEquals(List.of("s"), after.thatHoldXids().stream().map(Slot::name).toList());
        slots.acquire("s", 9);
        assertFalse(slots.feedback("s", 9, Xmins.NONE));
        assertEquals(List.of(), slots.thatHoldXids());
        slots.save();
        assertEquals(Xmins.NONE, afterCrash().find("s").orElseThrow().xmins());
    }

    @Test
    void holdsNothingOnThePrimaryWhenItIsLostOrLetGo() throws Exception {
        slots.feedback("s", 7, xmins(700, 0));
        slots.create("gone", false, AT, 8);
        slots.acquire("gone", 8);
        slots.feedback("gone", 8, xmins(690, 0));
        slots.markLost("gone");
        assertEquals(List.of("s"), slots.thatHoldXids().stream().map(Slot::name).toList());
        SlotLimits limits = new SlotLimits(1, Map.of(), Optional.of(Duration.ofDays(7)));
        slots.release("s", 7);
        slots.timeOut(Instant.EPOCH, limits);
        slots.timeOut(Instant.EPOCH.plus(Duration.ofDays(7)), limits);
        assertEquals(List.of(), slots.thatHoldXids());
        slots.acquire("s", 7);
        assertEquals(xmins(700, 0), slots.thatHoldXids().getFirst().xmins(), "its standby is back");
        slots.drop("s", 7);
        assertEquals(List.of(), slots.thatHoldXids());
    }

    @Test
    void aTemporarySlotsXminsGoWithIt() throws Exception {
        slots.create("t", true, AT, 7);
        assertFalse(slots.feedback("t", 7, xmins(700, 0)));
        assertEquals(List.of("t"), slots.thatHoldXids().stream().map(Slot::name).toList());
        slots.sessionEnded(7);
        assertEquals(List.of(), slots.thatHoldXids());
    }

    private static Xmins xmins(long xmin, long catalogXmin) {
        return new Xmins(new FullTransactionId(xmin), new FullTransactionId(catalogXmin));
    }

    private Slots afterCrash() throws IOException {
        return Slots.load(new DurableFiles(disk.copyAfterCrash(1)));
    }
}
