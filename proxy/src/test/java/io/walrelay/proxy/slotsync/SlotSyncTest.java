package io.walrelay.proxy.slotsync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.config.UpstreamSettings.SlotFollows;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What standbys are told, and how often upstream is looked at. */
final class SlotSyncTest {

    private static final AcknowledgePolicy ALL = AcknowledgePolicy.parse("all (a, b)");
    private static final Instant NOW = Instant.parse("2025-03-01T12:00:00Z");
    private static final SlotQuestion A = new SlotQuestion("a");

    @Test
    void yesTakesTheSlotAndThePolicy() {
        WaitsFor a = slot -> slot.equals("a") ? Optional.empty() : Optional.of("upstream.acknowledge is all (a)");
        assertEquals(Optional.empty(), SlotAnswer.to(A, true, a).refusal());
        assertEquals(Optional.of("upstream.acknowledge is all (a)"), SlotAnswer.to(new SlotQuestion("b"), true, a).refusal());
        assertEquals(Optional.of("the relay has no such slot; walrelay slot create a makes it"), SlotAnswer.to(A, false, a).refusal());
        assertFalse(SlotAnswer.to(A, true, WaitsFor.NOBODY).granted());
        assertTrue(SlotAnswer.to(A, true, WaitsFor.NOBODY).refusal().orElseThrow().contains("upstream.acknowledge is own"));
    }

    /** Whether it is in recovery is upstream's to say, and whether it has the relay's slot. */
    @Test
    void upstreamIsAskedForTheRelaysOwnSlotOrNone() {
        assertEquals(new SlotQuestion("relay").text(), new SlotAnswer("a", Optional.empty()).askedInstead("relay"));
        assertEquals("SELECT pg_is_in_recovery(), false AS \"?column?\"", new SlotAnswer("a", Optional.of("no")).askedInstead("relay"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "all (a, b)          | yes",
        "all (A)             | yes",
        "any 2 (a, b)        | yes",
        "first 2 (a, b)      | yes",
        "first 1 (a)         | yes",
        "any 1 (a, b)        | all (a, b)",
        "first 1 (a, b)      | all (a, b)",
        "first 2 (a, b, c)   | all (a, b, c)",
        "all (b)             | all (b, a)",
        "own                 | all (a)"
    })
    void onlyAPolicyThatNeverGoesOnWithoutTheStandbyWaitsForIt(String policy, String expected) {
        Optional<String> whyNot = new WaitsByPolicy(AcknowledgePolicy.parse(policy), SlotFollows.ACKNOWLEDGED).whyNot("a");
        if (expected.equals("yes")) {
            assertEquals(Optional.empty(), whyNot);
        } else {
            assertTrue(whyNot.orElseThrow().endsWith("such as " + expected), whyNot::toString);
        }
    }

    @Test
    void aSlotThatGoesOnByItselfWaitsForNobody() {
        assertTrue(new WaitsByPolicy(ALL, SlotFollows.OWN).whyNot("a").orElseThrow().contains("upstream.slot-follows is own"));
    }

    @Test
    void aWorkerThatAsksEveryTenSecondsIsNewsOnce() {
        List<SlotAnswer> news = new ArrayList<>();
        AtomicInteger woken = new AtomicInteger();
        AtomicBoolean waits = new AtomicBoolean();
        SlotSync sync = new SlotSync(_ -> waits.get() ? Optional.empty() : Optional.of("no"), "relay");
        sync.onQuestion(woken::incrementAndGet);
        for (int n = 0; n < 3; n++) {
            assertFalse(sync.ask(A, true, NOW.plusSeconds(n), news::add).granted());
        }
        waits.set(true);
        assertTrue(sync.ask(A, true, NOW.plusSeconds(9), news::add).granted());
        assertEquals(List.of(false, true), news.stream().map(SlotAnswer::granted).toList());
        assertEquals(4, woken.get());
        assertEquals(List.of(new SlotSync.Asked(new SlotAnswer("a", Optional.empty()), NOW.plusSeconds(9))), sync.asked());
    }

    @Test
    void namesThatSomebodyMakesUpAreForgotten() {
        SlotSync sync = new SlotSync(_ -> Optional.empty(), "relay");
        assertFalse(sync.ask(A, false, NOW, answer -> fail(answer.toString())).granted());
        assertEquals(List.of(), sync.asked());
        for (int n = 0; n < 3_000; n++) {
            var _ = sync.ask(new SlotQuestion("s" + n), true, NOW, _ -> {});
        }
        assertEquals(1_000, sync.asked().size());
    }

    @Test
    void whoAsksNoMoreIsRefusedNoMore() {
        SlotSync sync = new SlotSync(slot -> slot.equals("b") ? Optional.empty() : Optional.of("no"), "relay");
        for (String slot : List.of("a", "b", "c")) {
            var _ = sync.ask(new SlotQuestion(slot), true, slot.equals("c") ? NOW.plusSeconds(1) : NOW, _ -> {});
        }
        Instant later = NOW.plus(Duration.ofMinutes(10));
        assertEquals(2, sync.refused(later));
        assertEquals(1, sync.refused(later.plusSeconds(1)));
        assertEquals(0, sync.refused(later.plusSeconds(2)));
        assertEquals(3, sync.asked().size(), "what it was told is told on");
        assertTrue(sync.isReliedOn(Optional.empty()));
        sync.forgetAllBut("b"::equals);
        assertEquals(List.of("b"), sync.asked().stream().map(it -> it.answer().slot()).toList());
        assertEquals(0, sync.refused(NOW));
        sync.forgetAllBut(_ -> false);
        assertFalse(sync.isReliedOn(Optional.empty()));
    }

    @Test
    void napsDoubleWhileNothingMoves() {
        List<Long> naps = Stream.iterate(Nap.SHORTEST, nap -> Nap.after(nap, false)).limit(10).map(Duration::toMillis).toList();
        assertEquals(List.of(200L, 400L, 800L, 1_600L, 3_200L, 6_400L, 12_800L, 25_600L, 30_000L, 30_000L), naps);
        assertEquals(Nap.SHORTEST, Nap.after(Nap.LONGEST, true));
    }
}
