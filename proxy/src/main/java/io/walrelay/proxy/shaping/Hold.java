package io.walrelay.proxy.shaping;

import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/**
 * Why a standby is not sent all WAL that there is.
 *
 * @param until when the next transaction may go, if that is what it waits for and known
 */
public record Hold(Why why, Optional<Instant> until) {

    static final Hold PAUSED = new Hold(Why.PAUSED, Optional.empty());
    static final Hold LIMITED = new Hold(Why.LIMITED, Optional.empty());

    public enum Why {
        /** An operator said so. */
        PAUSED,
        /** What comes next is too young. */
        DELAYED,
        /** It was sent as much as its rate allows. */
        LIMITED;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static Hold delayed(Optional<Instant> until) {
        return new Hold(Why.DELAYED, until);
    }

    /** For people: {@code delayed until 2026-01-02T03:04:05Z}. */
    @Override
    public String toString() {
        return why + until.map(at -> " until " + at).orElse("");
    }
}
