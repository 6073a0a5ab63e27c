package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.acknowledge.Standing;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.time.Clock;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Positions are in MB; the relay has nothing that it has not flushed. */
class PinnedWalTest {

    private final Events events = new Events(Clock.systemUTC());
    private final PinnedWal pinned = new PinnedWal(events);

    private static Lsn mb(long position) {
        return new Lsn(position << 20);
    }

    private static Positions at(long position) {
        return new Positions(mb(position), mb(position), mb(position));
    }

    private static Standing here(String name, long confirmed) {
        return new Standing(name, true, at(confirmed));
    }

    private static Standing away(String name, long confirmed) {
        return new Standing(name, false, at(confirmed));
    }

    private void look(String policy, long own, long slot, Standing... members) {
        pinned.look(Acknowledgement.of(AcknowledgePolicy.parse(policy), at(own), Arrays.asList(members), Positions.NONE), mb(slot), new SegmentSize(16 << 20));
    }

    private List<String> told() {
        return events.recent().stream().map(Event::text).toList();
    }

    @Test
    void namesWhoIsAwayOnceItIsMuch() {
        look("all (a, b)", 1_124, 0, here("a", 1_124), away("b", 100));
        assertEquals(Optional.empty(), pinned.problem());
        look("all (a, b)", 1_125, 0, here("a", 1_125), away("b", 100));
        String problem = pinned.problem().orElseThrow();
        assertTrue(problem.startsWith("upstream keeps WAL from 0/6400000 on, 1025 MB, for standbys of upstream.acknowledge that are away and have not confirmed it: \"b\". "), problem);
        assertTrue(problem.contains("upstream.slot-follows: own"), problem);
        look("all (a, b)", 2_000, 0, here("a", 2_000), away("b", 100));
        assertEquals(List.of(problem), told(), "once");
        look("all (a, b)", 2_000, 0, away("a", 2_000), away("b", 100));
        assertEquals(1, told().size(), "a has all");
        look("all (a, b)", 2_000, 0, here("a", 2_000), here("b", 100));
        assertEquals(Optional.empty(), pinned.problem());
        assertEquals(List.of("upstream no longer keeps much WAL for \"b\""), told().stream().filter(text -> !text.equals(problem)).toList());
    }

    @Test
    void whoIsNotNeededIsNotNamed() {
        look("any 1 (a, b)", 5_000, 0, here("a", 100), away("b", 50));
        look("first 1 (a, b)", 5_000, 0, away("a", 50), here("b", 100));
        assertEquals(List.of(), told());
        look("any 2 (a, b)", 5_000, 100, here("a", 5_000), away("b", 5_000));
        assertTrue(pinned.problem().orElseThrow().contains("confirmed it: \"b\". "));
    }

    @Test
    void afterARestartItIsWhatTheSlotWasAtThatCounts() {
        look("any 1 (a)", 1_200, 200, away("a", 0));
        assertEquals(Optional.empty(), pinned.problem());
        look("any 1 (a)", 1_225, 200, away("a", 0));
        assertTrue(pinned.problem().orElseThrow().startsWith("upstream keeps WAL from 0/C800000 on, 1025 MB"));
    }

    @Test
    void whereTheSlotIsNotKnownItIsWhatCameSince() {
        look("any 1 (a)", 5_000, 0, away("a", 0));
        assertEquals(Optional.empty(), pinned.problem());
        look("any 1 (a)", 6_025, 0, away("a", 0));
        assertTrue(pinned.problem().isPresent());
        pinned.ended();
        look("any 1 (a)", 6_026, 0, away("a", 0));
        assertEquals(Optional.empty(), pinned.problem());
    }
}
