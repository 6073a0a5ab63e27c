package io.walrelay.proxy.slotsync;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.cache.FailoverSlots.Seen;
import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What becomes of upstream's slots. Written {@code name restart confirmed xmin}, {@code name !reason} when invalidated. */
final class FailoverUpdateTest {

    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));
    private static final TimelineHistory TWO = ONE.promoted(new TimelineId(2), new Lsn(50), "");

    /** @param expected the slots, then what was created (+), dropped (-) and is behind (<) */
    record Case(String name, String before, TimelineHistory lineage, String theirs, String expected) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Case> cases() {
        return Stream.of(
                new Case("made", "", ONE, "a 10 20 7", "a 10 20 7 +a"),
                new Case("still being made upstream", "", ONE, "a 0 0 0", ""),
                new Case("still without a transaction", "", ONE, "a 10 20 0", ""),
                new Case("invalidated before it was seen", "", ONE, "a !wal_removed", ""),
                new Case("as it was", "a 10 20 7", ONE, "a 10 20 7", "a 10 20 7"),
                new Case("advanced", "a 10 20 7", ONE, "a 11 21 8", "a 11 21 8"),
                new Case("confirmed alone", "a 10 20 7", ONE, "a 10 30 7", "a 10 30 7"),
                new Case("restart is never moved back", "a 10 20 7", ONE, "a 9 30 7", "a 10 20 7 <a"),
                new Case("nor confirmed", "a 10 20 7", ONE, "a 11 19 7", "a 10 20 7 <a"),
                new Case("nor xmin", "a 10 20 7", ONE, "a 11 30 6", "a 10 20 7 <a"),
                new Case("xmin goes round", "a 10 20 4294967290", ONE, "a 11 21 5", "a 11 21 5"),
                new Case("and not back round", "a 10 20 5", ONE, "a 11 21 4294967290", "a 10 20 5 <a"),
                new Case("being made anew", "a 10 20 7", ONE, "a 0 0 0", "a 10 20 7 <a"),
                new Case("dropped", "a 10 20 7; b 1 2 3", ONE, "b 1 2 3", "b 1 2 3 -a"),
                new Case("all dropped", "a 10 20 7", ONE, "", "-a"),
                new Case("one for another", "a 10 20 7", ONE, "b 1 2 3", "b 1 2 3 +b -a"),
                new Case("invalidated", "a 10 20 7", ONE, "a !wal_removed", "a !wal_removed"),
                new Case("still invalidated", "a !wal_removed", ONE, "a !wal_removed", "a !wal_removed"),
                new Case("another of its name", "a !wal_removed", ONE, "a 5 6 7", "a 5 6 7 +a"),
                new Case("a promotion past it changes nothing", "a 10 50 7", TWO, "a 10 50 7", "a 10 50 7"),
                new Case("nor lets it go back", "a 10 50 7", TWO, "a 9 50 7", "a 10 50 7 <a"),
                new Case("what lies past the fork was another's", "a 51 52 7", TWO, "a 40 41 6", "a 40 41 6 +a"),
                new Case("though only confirmed there", "a 40 52 7", TWO, "a 40 41 7", "a 40 41 7 +a"),
                new Case("and is gone where there is none", "a 51 52 7", TWO, "", "-a"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void follows(Case c) {
        Optional<Seen> before = c.before.isEmpty() ? Optional.empty() : Optional.of(new Seen(ONE, slots(c.before)));
        FailoverUpdate next = FailoverUpdate.of(before, c.lineage, slots(c.theirs));
        assertEquals(c.expected, written(next));
        assertEquals(c.lineage, next.now().lineage());
        assertEquals(!before.equals(Optional.of(next.now())), next.moved(before));
    }

    /** On one lineage no valid slot goes back by whatever upstream says. */
    @Test
    void neverBackward() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        Optional<Seen> before = Optional.empty();
        for (int round = 0; round < 20_000; round++) {
            List<FailoverSlot> theirs = IntStream.range(0, 3)
                    .filter(_ -> random.nextInt(8) > 0)
                    .mapToObj(n -> slot("s%d %d %d %d".formatted(n, random.nextInt(100), random.nextInt(100), random.nextInt(100))))
                    .toList();
            FailoverUpdate next = FailoverUpdate.of(before, ONE, theirs);
            for (FailoverSlot was : before.map(Seen::slots).orElse(List.of())) {
                next.now().find(was.name()).filter(now -> isBehind(now, was)).ifPresent(now -> {
                    throw new AssertionError("%s after %s; -Dwalrelay.seed=%d".formatted(now, was, seed));
                });
            }
            before = Optional.of(next.now());
        }
    }

    private static boolean isBehind(FailoverSlot now, FailoverSlot was) {
        return now.restartLsn().isBefore(was.restartLsn()) || now.confirmedFlushLsn().isBefore(was.confirmedFlushLsn()) || now.catalogXmin() < was.catalogXmin();
    }

    private static List<FailoverSlot> slots(String text) {
        return Stream.of(text.split("; ", -1)).filter(one -> !one.isEmpty()).map(FailoverUpdateTest::slot).toList();
    }

    private static FailoverSlot slot(String text) {
        String[] words = text.split(" ", -1);
        boolean invalidated = words[1].startsWith("!");
        return invalidated
                ? new FailoverSlot(words[0], "pgoutput", "shop", false, Lsn.INVALID, Lsn.INVALID, 0, Optional.of(words[1].substring(1)))
                : new FailoverSlot(
                        words[0], "pgoutput", "shop", false, new Lsn(Long.parseLong(words[1])), new Lsn(Long.parseLong(words[2])), Long.parseLong(words[3]), Optional.empty());
    }

    private static String written(FailoverUpdate next) {
        Stream<String> slots = next.now().slots().stream()
                .map(s -> s.invalidation()
                        .map(reason -> "%s !%s".formatted(s.name(), reason))
                        .orElseGet(() -> "%s %d %d %d".formatted(s.name(), s.restartLsn().value(), s.confirmedFlushLsn().value(), s.catalogXmin())));
        Stream<String> changes = Stream.of(
                        next.created().stream().map("+"::concat), next.dropped().stream().map("-"::concat), next.behind().stream().map("<"::concat))
                .flatMap(changed -> changed);
        return String.join(" ", Stream.concat(slots, changes).toList());
    }
}
