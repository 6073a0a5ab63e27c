package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * WAL of 100 bytes, of which the disk has those from 40 on; a slot may hold 30.
 *
 * <pre>
 *   0 ······ archive? ······ 40 ─── disk ─── 70 ─── within the limit ─── 100
 * </pre>
 */
class WalStatusTest {

    private static final Instant NOW = Instant.parse("2026-11-29T00:00:00Z");
    private static final SlotLimits LIMITS = new SlotLimits(30, Map.of("large", 60L, "any", Long.MAX_VALUE), Optional.of(Duration.ofDays(7)));

    private static Reach reach(String archive) {
        return switch (archive) {
            case "none" -> new Reach(new Lsn(40), new Lsn(100), Optional.empty(), false);
            case "unknown" -> new Reach(new Lsn(40), new Lsn(100), Optional.empty(), true);
            default -> new Reach(new Lsn(40), new Lsn(100), Optional.of(new Lsn(Long.parseLong(archive))), false);
        };
    }

    private static Slot slot(String name, long at) {
        return Slot.made(name, false, new Lsn(at), OptionalInt.empty());
    }

    @ParameterizedTest(name = "{0} at {1}, archive from {2}: {3}")
    @CsvSource({
        "s,     90, none,    reserved",
        "s,     70, none,    reserved",
        "s,     69, none,    unreserved",
        "large, 69, none,    reserved",
        "any,   40, none,    reserved",
        "s,     40, none,    unreserved",
        "s,     39, none,    lost",
        "any,   39, none,    lost",
        "s,     69, 10,      extended",
        "s,     39, 10,      extended",
        "any,   39, 10,      extended",
        "s,      9, 10,      lost",
        "s,     69, 80,      unreserved",
        "s,     90, unknown, reserved",
        "s,     69, unknown, unreserved",
        "s,     39, unknown, unreserved",
        "s,      0, none,    ''",
    })
    void saysWhatBecomesOfTheWalThatASlotNeeds(String name, long at, String archive, String status) {
        assertEquals(status, WalStatus.of(slot(name, at), reach(archive), LIMITS).map(WalStatus::toString).orElse(""));
    }

    @ParameterizedTest
    @CsvSource({"90, none, unreserved", "39, none, lost", "39, 10, unreserved"})
    void nothingIsReservedForASlotThatNobodyUsedForTooLong(long at, String archive, String status) {
        Slot late = slot("s", at).seen(NOW, LIMITS).seen(NOW.plus(Duration.ofDays(7)), LIMITS);
        assertEquals(status, WalStatus.of(late, reach(archive), LIMITS).map(WalStatus::toString).orElse(""));
    }

    @Test
    void whatIsLostStaysLost() {
        assertEquals(Optional.of(WalStatus.LOST), WalStatus.of(slot("s", 90).asLost(), reach("10"), LIMITS));
    }

    @Test
    void countsWhatIsKeptAndWhatMayStillBeWritten() {
        assertEquals(new Counts(Optional.of(40L), Optional.of(-10L)), Counts.of(slot("s", 60)));
        assertEquals(new Counts(Optional.of(40L), Optional.of(20L)), Counts.of(slot("large", 60)));
        assertEquals(new Counts(Optional.of(40L), Optional.empty()), Counts.of(slot("any", 60)), "there is no limit");
        assertEquals(new Counts(Optional.of(0L), Optional.of(30L)), Counts.of(slot("s", 110)), "its standby is ahead");
        assertEquals(new Counts(Optional.of(60L), Optional.of(-30L)), Counts.of(slot("s", 40).withRestart(new Lsn(90))), "a restart would find it at 40");
        assertEquals(new Counts(Optional.empty(), Optional.empty()), Counts.of(slot("s", 60).asLost()));
    }

    private record Counts(Optional<Long> retained, Optional<Long> safe) {
        static Counts of(Slot slot) {
            SlotStatus status = SlotStatus.of(slot, reach("none"), LIMITS);
            return new Counts(status.retained(), status.safe());
        }
    }
}
