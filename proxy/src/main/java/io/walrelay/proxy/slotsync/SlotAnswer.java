package io.walrelay.proxy.slotsync;

import java.util.Optional;

/**
 * What a {@link SlotQuestion} is answered with: true, or false and why.
 *
 * @param refusal empty for true
 */
public record SlotAnswer(String slot, Optional<String> refusal) {

    /**
     * A pure function: true only if the relay has the slot and upstream's position waits for its standby. PostgreSQL refuses cascading standbys for want of
     * the latter (slotsync.c): subscribers would get ahead of one that is promoted.
     *
     * @param exists whether the relay has that slot
     */
    public static SlotAnswer to(SlotQuestion question, boolean exists, WaitsFor waitsFor) {
        String slot = question.slot();
        return new SlotAnswer(slot, exists ? waitsFor.whyNot(slot) : Optional.of("the relay has no such slot; walrelay slot create %s makes it".formatted(slot)));
    }

    public boolean exists() {
        return refusal.isEmpty();
    }
}
