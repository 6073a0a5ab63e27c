package io.walrelay.proxy.standby;

import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.Orphan;
import io.walrelay.protocol.command.ReplicationCommand.StartPhysical;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;

/** The answer to START_REPLICATION (walsender.c, StartReplication). A pure function of the relay's end of WAL. */
sealed interface StreamStart {

    record Refuse(Diagnostic why) implements StreamStart {}

    /** There is nothing to stream: it begins at or past the end of a historic timeline. */
    record Over(Course.EndsAt end) implements StreamStart {}

    /** {@code end} is where the timeline of {@code lineage} was left, when it is historic. */
    record Stream(Lsn start, TimelineHistory lineage, Optional<Course.EndsAt> end) implements StreamStart {}

    /** Looks for the orphan that explains how a standby came to a position. */
    interface Orphans {
        Optional<Orphan> at(TimelineId timeline, Lsn position);
    }

    static StreamStart decide(EndOfWal now, StartPhysical command, Orphans orphans) {
        TimelineHistory own = now.lineage();
        Lsn start = command.start();
        TimelineId timeline = command.timeline().orElse(own.timeline());
        if (!own.contains(timeline)) {
            return new Refuse(Refusals.unknownTimeline(timeline, own.timeline(), orphans.at(timeline, start)));
        }
        TimelineHistory lineage = own.upTo(timeline);
        return switch (Course.of(lineage, own, start)) {
            case Course.Parted(var fork) -> new Refuse(Refusals.notInHistory(timeline, start, fork, orphans.at(timeline, start)));
            case Course.EndsAt ends when start.isAtLeast(ends.end()) -> new Over(ends);
            case Course.EndsAt ends -> new Stream(start, lineage, Optional.of(ends));
            case Course.Open() -> new Stream(start, lineage, Optional.empty());
        };
    }
}
