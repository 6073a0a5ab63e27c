package io.walrelay.cache;

import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KnownDamageTest {

    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));
    private static final KnownDamage.Place FIRST = place("0/1234568");
    private static final KnownDamage.Place SECOND = place("0/2345678");
    private static final Lsn SEGMENT_START = SEGMENT.startOf(FIRST.at());

    private static KnownDamage.Place place(String at) {
        return new KnownDamage.Place(ONE, Lsn.parse(at));
    }

    private static TimelineHistory leftAt(Lsn fork) {
        return ONE.promoted(new TimelineId(2), fork, "no recovery target specified");
    }

    private static KnownDamage on(CrashableStorage disk) {
        return new KnownDamage(new DurableFiles(disk));
    }

    @Test
    void theFirstPlaceIsRememberedOverAPowerLossUntilItIsForgotten() throws IOException {
        CrashableStorage disk = new CrashableStorage();
        on(disk).forget();
        assertEquals(Optional.empty(), on(disk).load());
        on(disk).remember(SECOND);
        on(disk).remember(FIRST);
        on(disk).remember(SECOND);
        CrashableStorage after = disk.crash(1);
        assertEquals(Optional.of(FIRST), on(after).load());
        on(after).forget();
        assertEquals(Optional.empty(), on(after.crash(2)).load());
    }

    @Test
    void thePlaceIsRememberedWithItsHistory() throws IOException {
        CrashableStorage disk = new CrashableStorage();
        on(disk).remember(FIRST);
        KnownDamage.Place later = new KnownDamage.Place(leftAt(FIRST.at()), SECOND.at());
        on(disk).remember(later);
        assertEquals(Optional.of(later), on(disk).load());
    }

    /** It may say of an earlier place, so nothing is written over it but by who doesn't mind. */
    @Test
    void whatCannotBeReadIsNotNothing() throws IOException {
        CrashableStorage disk = new CrashableStorage();
        new DurableFiles(disk).writePlain("damage", new byte[] {1, 2, 3});
        assertThrows(IOException.class, () -> on(disk).load());
        assertThrows(IOException.class, () -> on(disk).remember(FIRST));
        on(disk).forget();
        assertEquals(Optional.empty(), on(disk).load());
    }

    @Test
    void onlyReadingThatBeganBeforeItAndPassedItMakesItGood() {
        Lsn after = SEGMENT.endOf(FIRST.at());
        assertTrue(FIRST.isGoodBy(new WalVerifier.Verified(ONE, SEGMENT_START, after), SEGMENT));
        assertTrue(FIRST.isGoodBy(new WalVerifier.Verified(ONE, SEGMENT_START.plus(-SEGMENT.bytes()), FIRST.at().plus(30)), SEGMENT));
        assertFalse(FIRST.isGoodBy(new WalVerifier.Verified(ONE, SEGMENT_START, FIRST.at()), SEGMENT), "not read");
        assertFalse(FIRST.isGoodBy(new WalVerifier.Verified(ONE, after, SECOND.at()), SEGMENT), "skipped");
    }

    @Test
    void anotherHistoryHasItOnlyIfItLeftLater() {
        Lsn end = SECOND.at();
        assertTrue(FIRST.isOn(ONE));
        assertTrue(FIRST.isOn(leftAt(FIRST.at().plus(100))));
        assertTrue(FIRST.isGoodBy(new WalVerifier.Verified(leftAt(FIRST.at().plus(100)), SEGMENT_START, end), SEGMENT));
        assertFalse(FIRST.isOn(leftAt(FIRST.at())), "the record there is the new timeline's");
        assertFalse(FIRST.isOn(leftAt(SEGMENT_START)));
        assertFalse(FIRST.isGoodBy(new WalVerifier.Verified(leftAt(SEGMENT_START), SEGMENT_START, end), SEGMENT));
    }

    @Test
    void readingOfOneHistoryCountsOnAnotherUpToWhereTheyPart() {
        Lsn began = SEGMENT_START;
        Lsn end = began.plus(5L * SEGMENT.bytes());
        WalVerifier.Verified read = new WalVerifier.Verified(ONE, began, end);
        Lsn inside = began.plus(100_000);
        assertEquals(new WalVerifier.Verified(leftAt(inside), began, inside), read.on(leftAt(inside), SEGMENT));
        assertEquals(new WalVerifier.Verified(leftAt(end.plus(8)), began, end), read.on(leftAt(end.plus(8)), SEGMENT));
        Lsn before = began.plus(-100_000);
        Lsn start = SEGMENT.startOf(before);
        assertEquals(new WalVerifier.Verified(leftAt(before), start, start), read.on(leftAt(before), SEGMENT), "nothing before was read");
    }
}
