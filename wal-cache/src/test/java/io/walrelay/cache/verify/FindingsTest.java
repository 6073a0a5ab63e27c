package io.walrelay.cache.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FindingsTest {

    private final Findings findings = new Findings();

    @Test
    void problemsAreToldOnceAndNotWithoutEnd() {
        for (int i = 0; i < Findings.MOST + 5; i++) {
            findings.problem(new Problem.UnknownFile("notes" + i, "not a name of PostgreSQL's"));
        }
        findings.problem(new Problem.UnknownFile("notes0", "not a name of PostgreSQL's"));
        assertEquals(Findings.MOST, findings.problems().size());
        assertEquals(5, findings.moreProblems());
    }

    /** Or a recovery that needs one of them would be called impossible. */
    @Test
    void whatIsUnreadAndNotToldMayBeAnything() {
        Optional<Span> nowhere = Optional.of(new Span(TimelineHistory.root(new TimelineId(1)), Lsn.INVALID, Lsn.INVALID));
        for (int i = 0; i < Findings.MOST + 5; i++) {
            findings.unread("segment" + i, "no route to host", nowhere);
        }
        assertEquals(Findings.MOST + 1, findings.unread().size());
        assertEquals(new Report.Unread("5 more", "as above", Optional.empty()), findings.unread().getLast());
    }
}
