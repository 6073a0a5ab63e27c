package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the relay knows of its WAL beside the WAL itself; the file {@code state} in the data directory. It changes only when a
 * timeline or a gap begins, never with the stream.
 *
 * @param settled all WAL before, back to the last gap, was durable when this was saved; the end of a record, or the beginning
 *     of a segment. What lies before it needs no proof by checksums, which a record whose beginning the relay never got has not
 * @param gaps from the oldest; the first reaches from the beginning of time to where the relay began
 * @param change whether the files of {@code lineage} are in place
 */
record CacheState(
        SystemId system, SegmentSize segmentSize, TimelineHistory lineage, Lsn settled, List<Gap> gaps, List<Orphan> orphans, Change change) {

    private static final String PATH = "state";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALRELAY", 1);

    /** How far a change of timeline has come; see {@link TimelineSwitch}. */
    enum Change {
        COMPLETE,
        LEAVES_NOTHING,
        /** The last of the orphans is still to be moved out of {@code wal/}. */
        LEAVES_ORPHAN
    }

    CacheState {
        gaps = List.copyOf(gaps);
        orphans = List.copyOf(orphans);
    }

    static CacheState begin(SystemId system, SegmentSize segmentSize, TimelineHistory lineage, Lsn start) {
        return new CacheState(system, segmentSize, lineage, start, List.of(new Gap(Lsn.INVALID, start)), List.of(), Change.COMPLETE);
    }

    /** All between this and the last gap's end is to be streamed without a hole. */
    Lsn floor() {
        return gaps.getLast().to();
    }

    CacheState withSettled(Lsn upTo) {
        return new CacheState(system, segmentSize, lineage, upTo, gaps, orphans, change);
    }

    CacheState withGap(Gap gap) {
        List<Gap> all = new ArrayList<>(gaps);
        all.add(gap);
        return new CacheState(system, segmentSize, lineage, gap.to(), all, orphans, change);
    }

    /** Another timeline, from {@code goOn} on. Orphans that it makes part of the way again, and gaps that lie past, are none any more. */
    CacheState following(TimelineHistory next, Lsn goOn, Optional<Orphan> orphan) {
        List<Orphan> left = new ArrayList<>(orphans);
        left.removeIf(o -> next.reaches(o.lineage(), o.end()));
        orphan.ifPresent(left::add);
        List<Gap> before = gaps.stream()
                .filter(gap -> gap.from().isBefore(goOn))
                .map(gap -> new Gap(gap.from(), Lsn.min(gap.to(), goOn)))
                .toList();
        return new CacheState(
                system, segmentSize, next, goOn, before, left, orphan.isPresent() ? Change.LEAVES_ORPHAN : Change.LEAVES_NOTHING);
    }

    CacheState withOrphansAccepted() {
        return new CacheState(
                system, segmentSize, lineage, settled, gaps, orphans.stream().map(Orphan::acceptedNow).toList(), change);
    }

    CacheState inPlace() {
        return new CacheState(system, segmentSize, lineage, settled, gaps, orphans, Change.COMPLETE);
    }

    static Optional<CacheState> load(DurableFiles files) throws IOException {
        Optional<byte[]> body = files.read(PATH, FORMAT);
        if (body.isEmpty()) {
            return Optional.empty();
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.get()))) {
            SystemId system = new SystemId(in.readLong());
            SegmentSize size = new SegmentSize(in.readInt());
            TimelineHistory lineage = HistoryBytes.read(in);
            Lsn settled = new Lsn(in.readLong());
            List<Gap> gaps = new ArrayList<>();
            for (int n = in.readInt(); n > 0; n--) {
                gaps.add(new Gap(new Lsn(in.readLong()), new Lsn(in.readLong())));
            }
            List<Orphan> orphans = new ArrayList<>();
            for (int n = in.readInt(); n > 0; n--) {
                orphans.add(new Orphan(HistoryBytes.read(in), new Lsn(in.readLong()), new Lsn(in.readLong()), in.readBoolean(), in.readBoolean()));
            }
            Change change = Change.valueOf(in.readUTF());
            return Optional.of(new CacheState(system, size, lineage, settled, gaps, orphans, change));
        }
    }

    void save(DurableFiles files) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            out.writeLong(system.value());
            out.writeInt(segmentSize.bytes());
            HistoryBytes.write(out, lineage);
            out.writeLong(settled.value());
            out.writeInt(gaps.size());
            for (Gap gap : gaps) {
                out.writeLong(gap.from().value());
                out.writeLong(gap.to().value());
            }
            out.writeInt(orphans.size());
            for (Orphan orphan : orphans) {
                HistoryBytes.write(out, orphan.lineage());
                out.writeLong(orphan.fork().value());
                out.writeLong(orphan.end().value());
                out.writeBoolean(orphan.acknowledged());
                out.writeBoolean(orphan.accepted());
            }
            out.writeUTF(change.name());
        }
        files.write(PATH, FORMAT, body.toByteArray());
    }

    /**
     * Puts this in force in place of {@code before}: the commit point of every change.
     *
     * @throws DiskFullException when there was no room; {@code before} is in force, and the same may be tried again
     */
    CacheState commit(DurableFiles files, CacheState before) throws IOException {
        try {
            save(files);
            return this;
        } catch (IOException e) {
            // Once this has its name, nothing is known of a fault that came after.
            throw load(files).filter(before::equals).isPresent() ? DiskFullException.orAsItIs(e) : e;
        }
    }
}
