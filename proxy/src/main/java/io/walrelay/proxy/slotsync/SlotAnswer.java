package io.walrelay.proxy.slotsync;

import java.util.Optional;

/**
 * What a {@link SlotQuestion} is answered with: as upstream answers it for the relay's own slot there, or no, and why.
 *
 * @param slot that was asked for
 * @param refusal empty unless it is no
 */
public record SlotAnswer(String slot, Optional<String> refusal) {

    /** One row of the same columns as the question's; whether it is in recovery upstream says itself. */
    private static final String NO = "SELECT pg_is_in_recovery(), false AS \"?column?\"";

    /**
     * A pure function: no, unless the relay has the slot and upstream's position waits for its standby. PostgreSQL refuses cascading standbys for want of
     * the latter (slotsync.c): subscribers would get ahead of one that is promoted.
     *
     * @param exists whether the relay has that slot
     */
    public static SlotAnswer to(SlotQuestion question, boolean exists, WaitsFor waitsFor) {
        String slot = question.slot();
        return new SlotAnswer(slot, exists ? waitsFor.whyNot(slot) : Optional.of("the relay has no such slot; walrelay slot create %s makes it".formatted(slot)));
    }

    public boolean granted() {
        return refusal.isEmpty();
    }

    /**
     * What upstream is asked instead: subscribers wait for the relay by its own slot there, so that has to exist. Where upstream is a relay, it is
     * the same question again, which that one answers by its own policy.
     *
     * @param own the relay's slot upstream
     */
    public String askedInstead(String own) {
        return granted() ? new SlotQuestion(own).text() : NO;
    }
}
