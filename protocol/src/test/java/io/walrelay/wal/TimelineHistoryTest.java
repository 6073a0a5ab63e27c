package io.walrelay.wal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TimelineHistoryTest {

    /** Lineages as {@code 1@50>2@70>3}: timelines with the points where they were left. */
    private static TimelineHistory chain(String text) {
        String[] steps = text.split(">", -1);
        TimelineHistory history = null;
        Lsn left = Lsn.INVALID;
        for (String step : steps) {
            String[] parts = step.split("@", -1);
            TimelineId timeline = TimelineId.parse(parts[0]);
            history = history == null ? TimelineHistory.root(timeline) : history.promoted(timeline, left, "");
            if (parts.length > 1) {
                left = Lsn.parse("0/" + parts[1]);
            }
        }
        if (history == null) {
            throw new IllegalArgumentException(text);
        }
        return history;
    }

    @ParameterizedTest(name = "{0} and {1} part at {2}")
    @CsvSource({
        "1,         1,              none",
        "1@50>2,    1@50>2,         none",
        "1,         1@50>2,         0/50",
        "1,         1@50>2@70>3,    0/50",
        "1@50>2,    1@50>2@70>3,    0/70",
        "1@50>2,    1@50>3,         0/50",
        "1@50>2,    1@30>3,         0/30",
        "1@50>2,    1@30>2,         0/30",
        "1@50>2,    1@30>2@70>3,    0/30",
        "1@50>2@50>3, 1@50>3,       0/50",
        "1@50>2@70>4, 1@50>3@60>4,  0/50",
        "1@50>3@70>4, 1@50>3@60>5,  0/60",
        "1,         2,              0/0",
        "1@50>3,    2@50>3,         0/0",
    })
    void partsWhereTheFirstOfTheTwoLeavesTheSharedPath(String a, String b, String fork) {
        Optional<Lsn> expected = fork.equals("none") ? Optional.empty() : Optional.of(Lsn.parse(fork));
        assertEquals(expected, chain(a).forkWith(chain(b)));
        assertEquals(expected, chain(b).forkWith(chain(a)));
    }

    @ParameterizedTest(name = "{0} holds {2} of {1}: {3}")
    @CsvSource({
        "1@50>2, 1,      0/50, true",
        "1@50>2, 1,      0/51, false",
        "1,      1@50>2, 0/50, true",
        "1,      1@50>2, 0/51, false",
        "1@50>2, 1@50>2, 9/0,  true",
        "1@50>2, 1@30>2, 0/31, false",
        "1,      2,      0/1,  false",
    })
    void reachesAPositionWhenAllBytesBeforeItAreShared(String lineage, String other, String position, boolean reached) {
        assertEquals(reached, chain(lineage).reaches(chain(other), Lsn.parse(position)));
    }

    @Test
    void readsAHistoryFileWithCommentsAndReasons() {
        TimelineHistory history = TimelineHistory.parse(
                new TimelineId(3),
                "# a comment\n1\t0/3002830\tno recovery target specified\n\n  2\t0/5000000\tbefore 2026-01-01 00:00:00+00\r\n");
        assertEquals(
                List.of(
                        new TimelineHistory.Ancestor(new TimelineId(1), Lsn.parse("0/3002830"), "no recovery target specified"),
                        new TimelineHistory.Ancestor(new TimelineId(2), Lsn.parse("0/5000000"), "before 2026-01-01 00:00:00+00")),
                history.ancestors());
        assertEquals(history, TimelineHistory.parse(new TimelineId(3), history.format()));
        assertEquals(Lsn.parse("0/5000000"), history.begin());
    }

    @ParameterizedTest
    @ValueSource(strings = {"x\t0/1\tr", "1", "1\t0-1\tr", "0\t0/1\tr", "2\t0/1\tr\n1\t0/2\tr", "1\t0/2\tr\n2\t0/1\tr", "3\t0/1\tr", "4\t0/1\tr", "1\t0/1\tr\n1\t0/2\tr", "+1\t0/1\tr"})
    void refusesAHistoryThatIsNone(String content) {
        assertThrows(IllegalArgumentException.class, () -> TimelineHistory.parse(new TimelineId(3), content));
    }

    @Test
    void givesASwitchPointToTheTimelineThatItBegins() {
        TimelineHistory history = chain("1@50>2@70>3");
        assertEquals(new TimelineId(1), history.timelineAt(Lsn.parse("0/4F")));
        assertEquals(new TimelineId(2), history.timelineAt(Lsn.parse("0/50")));
        assertEquals(new TimelineId(2), history.timelineAt(Lsn.parse("0/6F")));
        assertEquals(new TimelineId(3), history.timelineAt(Lsn.parse("0/70")));
    }

    @Test
    void passesOverATimelineThatHasNoBytes() {
        assertEquals(new TimelineId(3), chain("1@50>2@50>3").timelineAt(Lsn.parse("0/50")));
    }

    @Test
    void knowsItsAncestors() {
        TimelineHistory history = chain("1@50>2@70>3");
        assertTrue(history.contains(new TimelineId(2)));
        assertEquals(Optional.of(Lsn.parse("0/70")), history.switchPointOf(new TimelineId(2)));
        assertEquals(Optional.empty(), history.switchPointOf(new TimelineId(3)));
        assertEquals(Optional.of(new TimelineId(2)), history.successorOf(new TimelineId(1)));
        assertEquals(Optional.of(new TimelineId(3)), history.successorOf(new TimelineId(2)));
        assertEquals(Optional.empty(), history.successorOf(new TimelineId(3)));
        assertEquals(chain("1@50>2"), history.upTo(new TimelineId(2)));
        assertEquals(history, history.upTo(new TimelineId(3)));
        assertThrows(IllegalArgumentException.class, () -> history.upTo(new TimelineId(4)));
    }

    @Test
    void descendsFromItselfAndFromWhatItCameFrom() {
        TimelineHistory history = chain("1@50>2@70>3");
        assertTrue(history.descendsFrom(history));
        assertTrue(history.descendsFrom(chain("1@50>2")));
        assertTrue(history.descendsFrom(chain("1")));
        assertTrue(history.descendsFrom(TimelineHistory.parse(new TimelineId(2), "1 0/50 for another reason")));
        assertFalse(history.descendsFrom(chain("1@40>2")), "the number was taken twice");
        assertFalse(chain("1@50>2").descendsFrom(history));
        assertFalse(history.descendsFrom(chain("1@70>3")));
    }

    @Test
    void isNamedByItsHistoryAndNotByItsReasons() {
        TimelineHistory a = chain("1@50>2@70>3");
        assertNotEquals(a.id(), chain("1@40>2@70>3").id());
        assertEquals(a.id(), TimelineHistory.parse(new TimelineId(3), "1 0/50 x\n2 0/70 y").id());
        assertTrue(a.id().matches("3@0/70-[0-9a-f]{8}"), a::id);
    }
}
