package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DivergenceTest {

    private static final Lsn A = Lsn.parse("0/3000000");
    private static final Lsn B = Lsn.parse("0/5000000");
    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));

    /**
     * <pre>
     *   source 1 ───A────────▶
     *   target      └─2──────▶   and the other way round
     * </pre>
     */
    @Test
    void aPromotedServerAndItsOldPrimaryPartWhereItWasPromoted() throws RefusedException {
        TimelineHistory promoted = ONE.promoted(new TimelineId(2), A, "");
        assertEquals(Optional.of(new Divergence(A, new TimelineId(1), ONE)), Divergence.between(promoted, ONE));
        assertEquals(Optional.of(new Divergence(A, new TimelineId(1), ONE)), Divergence.between(ONE, promoted));
    }

    /**
     * <pre>
     *   target 1 ─A─2───B──────▶
     *   source          └─3────▶
     * </pre>
     */
    @Test
    void theLastCommonTimelineIsTheOneTheForkLiesOn() throws RefusedException {
        TimelineHistory two = ONE.promoted(new TimelineId(2), A, "");
        assertEquals(Optional.of(new Divergence(B, new TimelineId(2), two)), Divergence.between(two, two.promoted(new TimelineId(3), B, "")));
    }

    /**
     * <pre>
     *   1 ─A─2──▶ target
     *      └─3──▶ source     at one point; and with one number at two points, the earlier is where they part
     * </pre>
     */
    @Test
    void twoPromotionsPartAtTheEarlier() throws RefusedException {
        TimelineHistory two = ONE.promoted(new TimelineId(2), A, "");
        assertEquals(Optional.of(new Divergence(A, new TimelineId(1), ONE)), Divergence.between(two, ONE.promoted(new TimelineId(3), A, "")));
        assertEquals(Optional.of(new Divergence(A, new TimelineId(1), ONE)), Divergence.between(two, ONE.promoted(new TimelineId(2), B, "")));
        assertEquals(new Divergence(A, new TimelineId(1), ONE), Divergence.whereTheTimelineBegins(two));
    }

    @Test
    void equalHistoriesDoNotPart() throws RefusedException {
        assertEquals(Optional.empty(), Divergence.between(ONE, ONE));
    }

    @Test
    void withoutACommonAncestorThereIsNoWayBack() {
        assertThrows(RefusedException.class, () -> Divergence.between(ONE, TimelineHistory.root(new TimelineId(4))));
    }
}
