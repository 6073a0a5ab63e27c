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
import io.walrelay.wal.format.PageHeader;
import io.walrelay.wal.format.RecordHeader;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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

    /** Where a page says what its position is (xlog_internal.h, xlp_pageaddr). */
    private static final int PAGE_ADDRESS = 8;

    /** Bytes that each checkpoint's record has at least, its time of day and its checksum among them (pg_control.h, CheckPoint). */
    private static final int CHECKPOINT_LENGTH = RecordHeader.SIZE + 72;

    /** Of segments whose first pages are compared if nothing else tells. */
    private static final int FEW = 4;

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

    /** By its first record; where that is gone, by the last checkpoint that both have come to, or by pages of it that the target's directory has. */
    Answer checkOne(TimelineHistory timeline) throws IOException {
        Answer answer = compare(timeline.begin(), firstRecordLength(timeline));
        Lsn checkpoint = Lsn.min(target.control().checkpoint(), other.control().checkpoint());
        if (answer == Answer.NOT_CHECKED && isOn(timeline.timeline(), target, checkpoint) && isOn(timeline.timeline(), other, checkpoint)) {
            answer = checkpoint(checkpoint);
        }
        return answer == Answer.NOT_CHECKED ? pages(timeline.timeline()) : answer;
    }

    /** From where the target was last known to be back: what it has, the source may have as well. */
    private Answer pages(TimelineId timeline) throws IOException {
        Answer answer = Answer.NOT_CHECKED;
        Lsn page = size().startOf(target.control().checkpoint());
        for (int i = 0; i < FEW && answer == Answer.NOT_CHECKED && isOn(timeline, target, page) && isOn(timeline, other, page) && wal.file(page).isPresent(); i++) {
            answer = page(page);
            page = page.plus(-size().bytes());
        }
        return answer;
    }

    private static boolean isOn(TimelineId timeline, Side side, Lsn position) {
        return side.history().timelineAt(position).equals(timeline);
    }

    /** Compares the record of a checkpoint that one of the two made, and that both have come to. */
    public Answer checkpoint(Lsn at) throws IOException {
        return compare(at, CHECKPOINT_LENGTH);
    }

    /** Compares a page of the log, of which each may have written only a part yet, and none at all in a file that it has made for later. */
    Answer page(Lsn at) throws IOException {
        if (!isWritten(target, at) || !isWritten(other, at)) {
            return Answer.NOT_CHECKED;
        }
        byte[] ours = ours(at, PageHeader.PAGE_SIZE);
        if (!isPage(ours, at)) {
            return Answer.NOT_CHECKED;
        }
        List<byte[]> theirs = theirs(at, PageHeader.PAGE_SIZE).stream().filter(bytes -> isPage(bytes, at)).toList();
        if (theirs.stream().anyMatch(bytes -> Arrays.equals(bytes, ours))) {
            return Answer.SAME;
        }
        return !theirs.isEmpty() && theirs.stream().allMatch(bytes -> differ(ours, bytes)) ? Answer.DIFFERENT : Answer.NOT_CHECKED;
    }

    /**
     * Whether what follows the written bytes of the page that begins at {@code at} is zeros, if there is any such page: a primary writes whole pages
     * (xlog.c, XLogWrite), a standby what it has received, into files that may have older WAL.
     */
    private static boolean isWritten(Side side, Lsn at) {
        return switch (side.control().state()) {
            case IN_ARCHIVE_RECOVERY, SHUTDOWNED_IN_RECOVERY -> at.plus(PageHeader.PAGE_SIZE).isAtMost(Lsn.max(side.control().checkpoint(), side.control().minRecoveryPoint()));
            case STARTUP, SHUTDOWNED, SHUTDOWNING, IN_CRASH_RECOVERY, IN_PRODUCTION -> true;
        };
    }

    /** Whether it was written: it says where it is, and has a record. */
    private static boolean isPage(byte[] bytes, Lsn at) {
        return bytes.length == PageHeader.PAGE_SIZE
                && ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(PAGE_ADDRESS) == at.value()
                && written(bytes) > PageHeader.LONG_SIZE;
    }

    /** Whether they do in what both have written. */
    private static boolean differ(byte[] ours, byte[] theirs) {
        int both = Math.min(written(ours), written(theirs));
        return Arrays.mismatch(ours, 0, both, theirs, 0, both) >= 0;
    }

    private static int written(byte[] page) {
        int end = page.length;
        while (end > 0 && page[end - 1] == 0) {
            end--;
        }
        return end;
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
