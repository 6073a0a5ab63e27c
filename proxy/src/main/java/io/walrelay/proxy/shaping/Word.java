package io.walrelay.proxy.shaping;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What an operator has said of one standby; the settings are not his.
 *
 * @param pausedIn the turn in which it was paused; 0 while it is not. Turns rise with each thing that is said of anybody
 * @param releases one at most under a single name
 */
public record Word(long pausedIn, List<Release> releases) {

    static final Word NOTHING = new Word(0, List.of());

    public Word {
        releases = List.copyOf(releases);
    }

    /**
     * WAL that may go at once.
     *
     * @param timeline which {@code to} lies on: past a fork other WAL has the same numbers
     * @param to the end of a record
     * @param turn in which it was said
     */
    public record Release(TimelineId timeline, Lsn to, long turn) {

        /** How far it reaches on a history. */
        Optional<Lsn> on(TimelineHistory history) {
            return history.contains(timeline)
                    ? Optional.of(history.switchPointOf(timeline).map(left -> Lsn.min(left, to)).orElse(to))
                    : Optional.empty();
        }
    }

    public boolean paused() {
        return pausedIn > 0;
    }

    /** Of a single name. */
    public Optional<Release> release() {
        return releases.stream().findFirst();
    }

    /** A pause is from now on: it takes back what was released and not sent. */
    Word pause(long turn) {
        return new Word(turn, List.of());
    }

    Word resume() {
        return new Word(0, releases);
    }

    Word release(Release next) {
        return new Word(pausedIn, List.of(next));
    }

    /** Of several releases the one that reaches furthest. */
    Optional<Lsn> releasedOn(TimelineHistory history) {
        return releases.stream().flatMap(release -> release.on(history).stream()).max(Comparator.naturalOrder());
    }

    /** What was said of the same standby under another name counts as well: as long as either is paused, no release from before that. */
    Word and(Word other) {
        long paused = Math.max(pausedIn, other.pausedIn);
        return new Word(paused, Stream.concat(releases.stream(), other.releases.stream()).filter(release -> release.turn > paused).toList());
    }

    /** When anything was said of it last that still holds. */
    long lastTurn() {
        return Math.max(pausedIn, releases.stream().mapToLong(Release::turn).max().orElse(0));
    }
}
