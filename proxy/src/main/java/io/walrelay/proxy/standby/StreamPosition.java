package io.walrelay.proxy.standby;

import io.walrelay.cache.EndOfWal;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where one stream is and how far it may go, whatever becomes of the relay's timeline. No I/O. Confined to its event loop.
 *
 * <p>Invariant: all WAL from {@code start} up to {@code sent} lies on {@code lineage}, and {@code sent} never passes the end of a
 * historic timeline.
 */
final class StreamPosition {

    private final TimelineHistory lineage;
    private final Lsn start;
    /** The relay's history as it was looked at last. */
    private TimelineHistory seen;
    private Course.@Nullable EndsAt end;
    private Lsn sent;
    /** {@code start} is still past the relay's end. */
    private boolean ahead;

    /**
     * @param lineage the history of the timeline that is streamed
     * @param end where that timeline was left, when it is historic
     */
    StreamPosition(TimelineHistory lineage, Lsn start, Optional<Course.EndsAt> end, EndOfWal now) {
        this.lineage = lineage;
        this.start = start;
        this.seen = lineage;
        this.end = end.orElse(null);
        this.sent = start;
        this.ahead = end.isEmpty() && start.isAfter(now.written());
    }

    /** Takes in the relay's history. The fork, when the stream is on a side that lost; it can't go on then. */
    Optional<Lsn> follow(EndOfWal now) {
        if (now.lineage().equals(seen)) {
            return Optional.empty();
        }
        switch (Course.of(lineage, now.lineage(), sent)) {
            case Course.Open() -> end = null;
            case Course.EndsAt ends -> end = ends;
            case Course.Parted(var fork) -> {
                return Optional.of(fork);
            }
        }
        seen = now.lineage();
        return Optional.empty();
    }

    /**
     * How far may be sent now. The end of a historic timeline may lie past the relay's own: after a fork in a segment that it no
     * longer holds it has the new timeline from the start of that segment on only, and what both share comes again.
     */
    Lsn limit(EndOfWal now) {
        Course.EndsAt historic = end;
        return historic == null ? now.written() : Lsn.min(historic.end(), now.written());
    }

    /** Whether the position that was asked for is there now, or was before. */
    boolean catchesUpWith(Lsn limit) {
        if (ahead && !sent.isAfter(limit)) {
            ahead = false;
        }
        return !ahead;
    }

    void moved(int bytes) {
        sent = sent.plus(bytes);
    }

    /** Whether all of a historic timeline was sent. */
    boolean reachedTimelineEnd() {
        Course.EndsAt historic = end;
        return historic != null && sent.equals(historic.end());
    }

    boolean isHistoric() {
        return end != null;
    }

    /** Where the timeline ends, when it is historic. */
    Optional<Course.EndsAt> end() {
        return Optional.ofNullable(end);
    }

    /** Of what a standby says that it has, what lies on the timeline that is streamed: past its end the same numbers are other WAL. */
    Positions within(Positions said) {
        Course.EndsAt historic = end;
        return historic == null ? said : said.atMost(historic.end());
    }

    TimelineHistory lineage() {
        return lineage;
    }

    TimelineId timeline() {
        return lineage.timeline();
    }

    TimelineHistory seen() {
        return seen;
    }

    Lsn start() {
        return start;
    }

    Lsn sent() {
        return sent;
    }

    boolean isAhead() {
        return ahead;
    }
}
