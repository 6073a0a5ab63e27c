package io.walrelay.rewind.source;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Reads the histories of timelines where a source keeps them. */
public final class Histories {

    private static final TimelineId FIRST = new TimelineId(1);

    private Histories() {}

    /** The history that {@code source} has of {@code timeline}; the first timeline has none to read. Empty when it is not there. */
    public static Optional<TimelineHistory> read(RewindSource source, TimelineId timeline) throws IOException, RefusedException {
        if (timeline.equals(FIRST)) {
            return Optional.of(TimelineHistory.root(FIRST));
        }
        Optional<byte[]> content = source.read(path(timeline));
        return content.isPresent() ? Optional.of(parse(timeline, content.get())) : Optional.empty();
    }

    /** @throws RefusedException when {@code content} is no history */
    public static TimelineHistory parse(TimelineId timeline, byte[] content) throws RefusedException {
        try {
            return TimelineHistory.parse(timeline, new String(content, StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            throw new RefusedException("%s".formatted(e.getMessage()));
        }
    }

    /** Where a data directory has it; the name does not depend on the size of segments. */
    public static String path(TimelineId timeline) {
        return "pg_wal/" + new WalFileName.History(timeline).fileName(SegmentSize.DEFAULT);
    }
}
