package io.walrelay.proxy.shaping;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;

/** What an operator has said of one standby; the settings are not his. */
public record Word(boolean paused, Optional<Release> release) {

    static final Word NOTHING = new Word(false, Optional.empty());

    /**
     * WAL that may go at once.
     *
     * @param timeline which {@code to} lies on: past a fork other WAL has the same numbers
     * @param to the end of a record
     */
    public record Release(TimelineId timeline, Lsn to) {

        /** How far it reaches on a history. */
        Optional<Lsn> on(TimelineHistory history) {
            return history.contains(timeline)
                    ? Optional.of(history.switchPointOf(timeline).map(left -> Lsn.min(left, to)).orElse(to))
                    : Optional.empty();
        }
    }

    /** A pause is from now on: it takes back what was released and not sent. */
    Word pause() {
        return new Word(true, Optional.empty());
    }

    Word resume() {
        return new Word(false, release);
    }

    Word release(Release next) {
        return new Word(paused, Optional.of(next));
    }

    Optional<Lsn> releasedOn(TimelineHistory history) {
        return release.flatMap(r -> r.on(history));
    }

    /** What was said of the same standby under another name counts as well; of two releases, this one's. */
    Word and(Word other) {
        return new Word(paused || other.paused, release.or(other::release));
    }
}
