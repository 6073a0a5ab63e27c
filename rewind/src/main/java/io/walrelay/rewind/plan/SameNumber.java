package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineHistory.Ancestor;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.RecordHeader;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Whether two servers really share the timelines that their histories share. Two promotions at one point can take the same number; the first
 * record of each timeline then has its own time of day, and its own checksum.
 *
 * <p>Confined to one thread.
 */
public final class SameNumber {

    /** What the bytes say. */
    public enum Answer {
        SAME,
        DIFFERENT,
        /** One of the two has them no more. */
        NOT_CHECKED
    }

    /**
     * What is shared after all.
     *
     * @param different the oldest timeline that each server took for itself, with its history; empty when none was found
     * @param proven whether bytes say so, or no number could be taken twice
     */
    public record Finding(Optional<TimelineHistory> different, boolean proven) {}

    /** Bytes that each checkpoint's record has at least, its time of day and its checksum among them (pg_control.h, CheckPoint). */
    private static final int CHECKPOINT_LENGTH = RecordHeader.SIZE + 72;

    private final Side target;
    private final PgWal wal;
    private final Side other;
    private final RewindSource source;

    /** @param wal the target's own: an archive may have another's under the same name */
    public SameNumber(Side target, PgWal wal, Side other, RewindSource source) {
        this.target = target;
        this.wal = wal;
        this.other = other;
        this.source = source;
    }

    /** Looks from the newest of the {@code shared} timelines back to one that is proven: those before it are shared then, too. */
    public Finding check(TimelineHistory shared) throws IOException {
        Optional<TimelineHistory> different = Optional.empty();
        TimelineHistory timeline = shared;
        while (!timeline.ancestors().isEmpty()) {
            Answer answer = checkOne(timeline);
            if (answer == Answer.SAME) {
                return new Finding(different, true);
            }
            // What is between a timeline that differs and one that is proven may differ as well.
            if (answer == Answer.DIFFERENT || different.isPresent()) {
                different = Optional.of(timeline);
            }
            timeline = timeline.upTo(timeline.ancestors().getLast().timeline());
        }
        return new Finding(different, different.isPresent() || shared.ancestors().isEmpty());
    }

    /** By its first record; where that is gone, by the last checkpoint that both have come to. */
    private Answer checkOne(TimelineHistory timeline) throws IOException {
        Answer first = compare(timeline.begin(), firstRecordLength(timeline));
        Lsn checkpoint = Lsn.min(target.control().checkpoint(), other.control().checkpoint());
        return first == Answer.NOT_CHECKED && isOn(timeline.timeline(), target, checkpoint) && isOn(timeline.timeline(), other, checkpoint)
                ? checkpoint(checkpoint)
                : first;
    }

    private static boolean isOn(TimelineId timeline, Side side, Lsn position) {
        return side.history().timelineAt(position).equals(timeline);
    }

    /** Compares the record of a checkpoint that one of the two made, and that both have come to. */
    public Answer checkpoint(Lsn at) throws IOException {
        return compare(at, CHECKPOINT_LENGTH);
    }

    /** 0 when there is none, or it is of the next timeline already. */
    private long firstRecordLength(TimelineHistory timeline) throws IOException {
        WalReader reader = WalReader.open(wal, target.identity(), timeline.begin());
        Optional<Lsn> left = target.history().switchPointOf(timeline.timeline());
        boolean found = reader.next() && left.map(end -> reader.lastRecordEnd().isAtMost(end)).orElse(true);
        return found ? reader.lastRecordEnd().minus(timeline.begin()) : 0;
    }

    private Answer compare(Lsn at, long recordLength) throws IOException {
        // Of a record that goes on in another segment the beginning is enough, if its checksum is in it.
        int length = (int) Math.min(recordLength, size().endOf(at).minus(at));
        byte[] ours = ours(at, length);
        if (length < RecordHeader.SIZE || isAbsent(ours, length)) {
            return Answer.NOT_CHECKED;
        }
        List<byte[]> theirs = theirs(at, length);
        if (theirs.isEmpty()) {
            return Answer.NOT_CHECKED;
        }
        return theirs.stream().anyMatch(bytes -> Arrays.equals(bytes, ours)) ? Answer.SAME : Answer.DIFFERENT;
    }

    private byte[] ours(Lsn at, int length) throws IOException {
        ByteBuffer into = ByteBuffer.allocate(length);
        while (into.hasRemaining() && wal.read(at.plus(into.position()), into) > 0) {
            // Until all is there.
        }
        return Arrays.copyOf(into.array(), into.position());
    }

    /** The segment where a timeline was left begins the files of those that follow as well. */
    private List<byte[]> theirs(Lsn at, int length) throws IOException {
        List<byte[]> found = new ArrayList<>();
        for (TimelineId timeline : timelinesFrom(at)) {
            String path = "pg_wal/" + new WalFileName.Segment(SegmentId.at(timeline, at, size())).fileName(size());
            source.read(path, size().offset(at), length).filter(bytes -> !isAbsent(bytes, length)).ifPresent(found::add);
        }
        return found;
    }

    private List<TimelineId> timelinesFrom(Lsn at) {
        TimelineHistory history = other.history();
        List<TimelineId> timelines = new ArrayList<>();
        Lsn begin = Lsn.INVALID;
        for (Ancestor ancestor : history.ancestors()) {
            if (at.isBefore(ancestor.switchPoint()) && begin.isBefore(size().endOf(at))) {
                timelines.add(ancestor.timeline());
            }
            begin = ancestor.switchPoint();
        }
        if (begin.isBefore(size().endOf(at))) {
            timelines.add(history.timeline());
        }
        return timelines;
    }

    /** Too short, or only room for WAL that has not come. */
    private static boolean isAbsent(byte[] bytes, int length) {
        return bytes.length < length || Arrays.equals(bytes, new byte[length]);
    }

    private SegmentSize size() {
        return target.control().segmentSize();
    }
}
