package io.walrelay.proxy.state;

import java.time.Instant;
import java.util.Optional;

/**
 * A relay beside this one, as it was seen last.
 *
 * @param since when it is in this state
 * @param lastAnswer empty until it has answered for the first time
 * @param problem why it is in a state other than {@link State#UP}
 */
public record PeerStatus(String url, State state, Instant since, Optional<Instant> lastAnswer, Optional<String> problem) {

    public enum State {
        /** It was not asked yet. */
        UNKNOWN,
        /** It answers, and slots are kept in step with it. */
        UP,
        /** It does not answer. Its slots stay as they are here. */
        AWAY,
        /** It answers, and nothing of its may be mirrored: it is of another cluster or another history. */
        REFUSED,
        /** It is this relay. */
        SELF
    }

    public static PeerStatus unknown(String url, Instant now) {
        return new PeerStatus(url, State.UNKNOWN, now, Optional.empty(), Optional.empty());
    }

    /** As it is seen at {@code now}. */
    public PeerStatus seen(State now, Optional<String> why, Instant at) {
        Optional<Instant> answer = now == State.AWAY ? lastAnswer : Optional.of(at);
        return new PeerStatus(url, now, now == state ? since : at, answer, why);
    }
}
