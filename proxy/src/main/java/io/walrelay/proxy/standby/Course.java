package io.walrelay.proxy.standby;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;

/** How a stream on one timeline goes on, given the history of the server (walsender.c, StartReplication and XLogSendPhysical). */
sealed interface Course {

    /** The timeline is the server's own: it goes on for as long as there is WAL. */
    record Open() implements Course {}

    /** The timeline was left at {@code end} for {@code next}. */
    record EndsAt(Lsn end, TimelineId next) implements Course {}

    /** The position is not on the server's history, which left the way to it at {@code fork}. */
    record Parted(Lsn fork) implements Course {}

    /**
     * @param mine the history of the timeline that is streamed
     * @param server the relay's
     * @param position where the stream is on {@code mine}
     */
    static Course of(TimelineHistory mine, TimelineHistory server, Lsn position) {
        TimelineId timeline = mine.timeline();
        if (!server.contains(timeline)) {
            return new Parted(server.forkWith(mine).orElse(mine.begin()));
        }
        // The number alone proves nothing: two promotions may have taken the same.
        if (server.upTo(timeline).forkWith(mine).isPresent()) {
            return new Parted(server.upTo(timeline).forkWith(mine).get());
        }
        if (server.timeline().equals(timeline)) {
            return new Open();
        }
        Lsn end = server.switchPointOf(timeline).orElseThrow();
        return position.isAfter(end) ? new Parted(end) : new EndsAt(end, server.successorOf(timeline).orElseThrow());
    }
}
