package io.walrelay.cache.slot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.cache.slot.Mirroring.Adopt;
import io.walrelay.cache.slot.Mirroring.Create;
import io.walrelay.cache.slot.Mirroring.Drop;
import io.walrelay.cache.slot.Mirroring.Follow;
import io.walrelay.cache.slot.Mirroring.NotMade;
import io.walrelay.cache.slot.Mirroring.Theirs;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.Xmins;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** This relay is "b"; its peer is "a" at http://a. The disk has WAL from 0/3000000, of which 0/6000000 is flushed. */
class MirroringTest {

    private static final TimelineHistory ONE = TimelineHistory.root(TimelineId.of(1));
    private static final TimelineHistory TWO = ONE.promoted(TimelineId.of(2), Lsn.parse("0/5000000"), "");
    private static final Home.Peer A = new Home.Peer("a", "http://a");
    private static final Home.Peer C = new Home.Peer("c", "http://c");
    private static final Lsn OLDEST = Lsn.parse("0/3000000");
    private static final Lsn FLUSHED = Lsn.parse("0/6000000");
    private static final Lsn THERE = Lsn.parse("0/4000000");

    private static Theirs theirs(Lsn restart, boolean active, long moves) {
        return new Theirs("s", restart, active, true, false, moves, Optional.empty());
    }

    private static final Theirs STREAMING = theirs(THERE, true, 0);
    private static final Theirs ITS_STANDBY_IS_AWAY = theirs(THERE, false, 0);

    private static Theirs homeOf(String relay, long moves) {
        return new Theirs("s", THERE, false, true, false, moves, Optional.of(relay));
    }

    private static Mirroring.Ours ours(TimelineHistory lineage, Optional<Lsn> archivedFrom, Slot... slots) {
        return new Mirroring.Ours("b", List.of(slots), lineage, FLUSHED, new Reach(OLDEST, FLUSHED, archivedFrom, false));
    }

    private static List<Mirroring> decide(List<Theirs> theirs, Slot... slots) {
        return Mirroring.decide(ours(ONE, Optional.empty(), slots), new Mirroring.Peer(A, ONE, theirs));
    }

    private static Slot made(String restart) {
        return Slot.made("s", false, Lsn.parse(restart), OptionalInt.empty());
    }

    private static Slot used(String restart, long moves) {
        return Slot.saved("s", Lsn.parse(restart), Lsn.parse(restart), false, Xmins.NONE).withHome(new Home(moves, Optional.empty()));
    }

    private static Slot mirror(String restart, Home.Peer of, long moves) {
        return Slot.mirrored("s", Lsn.parse(restart), Home.at(of, moves));
    }

    private static <T extends Mirroring> T only(Class<T> type, List<Mirroring> steps) {
        assertEquals(1, steps.size(), steps::toString);
        return assertInstanceOf(type, steps.getFirst());
    }

    @Test
    void aSlotOfThePeersIsMadeWhereItIsThere() {
        Slot made = only(Create.class, decide(List.of(STREAMING))).made();
        assertEquals(mirror("0/4000000", A, 0), made);
        assertTrue(made.holds());
        only(Create.class, decide(List.of(ITS_STANDBY_IS_AWAY)));
    }

    @Test
    void notFurtherOnThanThisRelayHasFlushed() {
        assertEquals(FLUSHED, only(Create.class, decide(List.of(theirs(Lsn.parse("0/7000000"), true, 0)))).made().restartLsn());
        assertEquals(FLUSHED, only(Follow.class, decide(List.of(theirs(Lsn.parse("0/7000000"), true, 0)), mirror("0/4000000", A, 0))).after().restartLsn());
    }

    @Test
    void aSlotThatNobodyHasUsedOrThatKeepsNothingIsNoReasonForAnything() {
        Theirs unused = new Theirs("s", THERE, false, false, false, 0, Optional.empty());
        Theirs reservesNothing = theirs(Lsn.INVALID, true, 0);
        Theirs lost = new Theirs("s", THERE, false, true, true, 0, Optional.empty());
        for (Theirs slot : List.of(unused, reservesNothing, lost, homeOf("b", 1), homeOf("c", 1))) {
            assertEquals(List.of(), decide(List.of(slot)), slot::toString);
        }
        assertEquals(List.of(), decide(List.of(unused), made("0/4000000")));
        assertEquals(List.of(), decide(List.of(lost), mirror("0/4000000", A, 0)));
    }

    @Test
    void whatNeedsOlderWalThanIsHeldIsNotMade() {
        Theirs older = theirs(Lsn.parse("0/2000000"), true, 0);
        NotMade not = only(NotMade.class, decide(List.of(older)));
        assertEquals("it needs WAL from 0/2000000 on, and this relay has it from 0/3000000 on", not.reason());
        Mirroring.Ours archive = ours(ONE, Optional.of(Lsn.parse("0/1000000")));
        only(Create.class, Mirroring.decide(archive, new Mirroring.Peer(A, ONE, List.of(older))));
    }

    @Test
    void noMoreSlotsAreMadeThanARelayKeeps() {
        Slot[] slots = IntStream.range(0, Slots.LIMIT - 1).mapToObj(i -> Slot.made("x" + i, false, OLDEST, OptionalInt.empty())).toArray(Slot[]::new);
        List<Mirroring> steps = decide(List.of(STREAMING, new Theirs("t", THERE, true, true, false, 0, Optional.empty())), slots);
        assertInstanceOf(Create.class, steps.get(0));
        assertEquals(new NotMade("t", "this relay keeps 10000 slots at most"), steps.get(1));
    }

    @Test
    void aMirrorMovesForwardAndNeverBack() {
        assertEquals(THERE, only(Follow.class, decide(List.of(STREAMING), mirror("0/3800000", A, 0))).after().restartLsn());
        assertEquals(List.of(), decide(List.of(STREAMING), mirror("0/4800000", A, 0)));
    }

    @Test
    void aMirrorWhoseStandbyStreamsThereIsNotInactiveHere() {
        Slot idle = mirror("0/4000000", A, 0).seen(Instant.EPOCH, SlotLimits.upTo(1));
        Slot after = only(Follow.class, decide(List.of(STREAMING), idle)).after();
        assertEquals(Optional.empty(), after.inactiveSince());
        assertFalse(new Follow(idle, after).changesMoreThanThePosition());
        assertEquals(List.of(), decide(List.of(ITS_STANDBY_IS_AWAY), idle));
    }

    @Test
    void aMirrorThatLostItsWalBeginsAnewWhereThereIsSome() {
        Slot after = only(Follow.class, decide(List.of(STREAMING), mirror("0/1000000", A, 0).asLost())).after();
        assertEquals(THERE, after.restartLsn());
        assertFalse(after.lost());
        assertEquals(List.of(), decide(List.of(theirs(Lsn.parse("0/2000000"), true, 0)), mirror("0/1000000", A, 0).asLost()));
    }

    @Test
    void whatItsHomeHasNoMoreIsDropped() {
        Slot here = mirror("0/4000000", A, 3);
        assertEquals(List.of(new Drop(here)), decide(List.of(), here));
        assertEquals(List.of(), decide(List.of(), used("0/4000000", 3)), "at home here");
        assertEquals(List.of(), decide(List.of(), made("0/4000000")), "made here");
        assertEquals(List.of(), decide(List.of(), mirror("0/4000000", C, 3)), "at home with another");
    }

    @Test
    void whatSomebodyUsesHereIsNeverTouched() {
        Slot active = mirror("0/3000000", A, 0).usedBy(OptionalInt.of(7));
        assertTrue(active.home().isHere());
        assertEquals(1, active.home().moves());
        assertEquals(List.of(), decide(List.of(theirs(THERE, true, 5)), active));
        assertEquals(List.of(), decide(List.of(), active));
        assertEquals(List.of(), decide(List.of(STREAMING), Slot.made("s", true, THERE, OptionalInt.of(7))), "a temporary one of that name");
    }

    @ParameterizedTest
    @CsvSource({
        // Of the slot here: moves; of the peer's: active, moves; which of the two mirrors the other, if any.
        "0, true, 0, here",
        "5, true, 0, here",
        "0, false, 1, here",
        "1, false, 1, there",
        "1, false, 0, there",
    })
    void ofTwoHomesTheOneWithTheStandbyIsRightOrElseTheLaterOne(long moves, boolean active, long theirMoves, String mirror) {
        List<Mirroring> steps = decide(List.of(theirs(THERE, active, theirMoves)), used("0/5000000", moves));
        assertEquals(mirror.equals("here"), !steps.isEmpty(), steps::toString);
        if (mirror.equals("here")) {
            Slot after = only(Follow.class, steps).after();
            assertEquals(Home.at(A, theirMoves), after.home());
            assertEquals(Lsn.parse("0/5000000"), after.restartLsn(), "not back");
            assertEquals(Lsn.INVALID, after.furthestSent());
        }
    }

    @Test
    void aSlotThatNobodyHasUsedHereIsAtHomeWhereItWasUsed() {
        assertEquals(Home.at(A, 0), only(Follow.class, decide(List.of(ITS_STANDBY_IS_AWAY), made("0/4000000"))).after().home());
    }

    @Test
    void aMirrorOfAnotherRelayFollowsWhomTheStandbyHasGoneTo() {
        assertEquals(Home.at(A, 2), only(Follow.class, decide(List.of(theirs(THERE, false, 2)), mirror("0/4000000", C, 1))).after().home());
        assertEquals(List.of(), decide(List.of(theirs(THERE, false, 1)), mirror("0/4000000", C, 1)));
    }

    @Test
    void theSlotsOfAPeerWhoseDirectoryWasMadeAnewAreKept() {
        Home.Peer before = new Home.Peer("a-before", "http://a");
        Slot orphan = mirror("0/4000000", before, 2);
        assertEquals(new Home(3, Optional.empty()), only(Adopt.class, decide(List.of(), orphan)).after().home());
        assertEquals(new Home(3, Optional.empty()), only(Adopt.class, decide(List.of(homeOf("b", 0)), orphan)).after().home());
        only(Follow.class, decide(List.of(STREAMING), orphan));
    }

    @Test
    void whatACrashHasForgottenThePeerRemembers() {
        assertEquals(new Home(4, Optional.empty()), only(Adopt.class, decide(List.of(homeOf("b", 4)), mirror("0/4000000", A, 3))).after().home());
        assertEquals(List.of(), decide(List.of(homeOf("c", 4)), mirror("0/4000000", A, 3)), "c will say so");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void pastWhereHistoriesPartAPositionIsNoPosition(boolean peerIsAhead) {
        TimelineHistory mine = peerIsAhead ? ONE : TWO;
        TimelineHistory its = peerIsAhead ? TWO : ONE;
        assertTrue(Mirroring.areOneHistory(mine, its));
        Mirroring.Peer peer = new Mirroring.Peer(A, its, List.of(theirs(Lsn.parse("0/5800000"), true, 0)));
        Slot after = only(Follow.class, Mirroring.decide(ours(mine, Optional.empty(), mirror("0/4000000", A, 0)), peer)).after();
        assertEquals(Lsn.parse("0/5000000"), after.restartLsn());
        assertFalse(Mirroring.areOneHistory(TWO, ONE.promoted(TimelineId.of(2), Lsn.parse("0/5000001"), "")));
    }

    /**
     * Three relays that ask each other at random times, one standby that goes about, and an operator who drops the slot at its home: in the end no relay has
     * it, and before that, when nothing happens any more, all have it, at one home, no mirror ahead of where the standby is.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
    void threeRelaysAgree(long seed) {
        Random random = new Random(seed);
        List<String> relays = List.of("a", "b", "c");
        Map<String, Slot> slots = new TreeMap<>();
        slots.put("a", made("0/3000000").usedBy(OptionalInt.of(1)));
        String at = "a";
        Lsn standby = OLDEST;
        for (int step = 0; step < 200; step++) {
            String next = relays.get(random.nextInt(3));
            if (random.nextInt(4) == 0 && slots.containsKey(next)) {
                slots.computeIfPresent(at, (_, s) -> s.usedBy(OptionalInt.empty()));
                at = next;
                slots.computeIfPresent(at, (_, s) -> s.usedBy(OptionalInt.of(1)));
            }
            standby = new Lsn(standby.value() + random.nextInt(10_000));
            Lsn flushed = standby;
            slots.computeIfPresent(at, (_, s) -> s.withRestart(flushed).withFurthestSent(flushed));
            exchange(relays.get(random.nextInt(3)), relays.get(random.nextInt(3)), slots);
        }
        slots.computeIfPresent(at, (_, s) -> s.usedBy(OptionalInt.empty()));
        settle(relays, slots);
        String seen = "seed %d: %s".formatted(seed, slots);
        Lsn end = standby;
        assertEquals(3, slots.size(), seen);
        assertEquals(1, slots.values().stream().filter(s -> s.home().isHere()).count(), seen);
        assertTrue(slots.values().stream().allMatch(s -> s.restartLsn().isAtMost(end)), seen);
        Map<String, Slot> settled = new TreeMap<>(slots);
        settle(relays, slots);
        assertEquals(settled, slots, "nothing moves any more, " + seen);

        String home = slots.entrySet().stream().filter(s -> s.getValue().home().isHere()).map(Map.Entry::getKey).findFirst().orElseThrow();
        slots.remove(home);
        settle(relays, slots);
        assertEquals(Map.of(), slots, "dropped at its home, " + seen);
    }

    private static void settle(List<String> relays, Map<String, Slot> slots) {
        for (int round = 0; round < 4; round++) {
            relays.forEach(asks -> relays.forEach(asked -> exchange(asks, asked, slots)));
        }
    }

    private static void exchange(String asks, String asked, Map<String, Slot> slots) {
        if (asks.equals(asked)) {
            return;
        }
        List<Theirs> answer = new ArrayList<>();
        Optional.ofNullable(slots.get(asked)).ifPresent(s -> answer.add(new Theirs(
                "s", s.restartLsn(), s.activePid().isPresent(), s.everUsed(), s.lost(), s.home().moves(), s.home().elsewhere().map(Home.Peer::id))));
        List<Slot> own = Optional.ofNullable(slots.get(asks)).stream().toList();
        Lsn flushed = Lsn.parse("1/0");
        Mirroring.Ours ours = new Mirroring.Ours(asks, own, ONE, flushed, new Reach(OLDEST, flushed, Optional.empty(), false));
        for (Mirroring step : Mirroring.decide(ours, new Mirroring.Peer(new Home.Peer(asked, "http://" + asked), ONE, answer))) {
            switch (step) {
                case Create(var made) -> slots.put(asks, made);
                case Follow(_, var after) -> slots.put(asks, after);
                case Adopt(_, var after) -> slots.put(asks, after);
                case Drop _ -> slots.remove(asks);
                case NotMade _ -> throw new AssertionError(step.toString());
            }
        }
    }
}
