package io.walrelay.cache;

import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.WalFileName;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known to be in the archive; the file {@code archived} in the data directory. It may be behind the truth, never ahead.
 *
 * @param lineage whose WAL {@code archived} counts
 * @param from the beginning of a segment
 * @param archived all own WAL from {@code from} to here; the beginning of a segment
 * @param done files beyond that, and files that no position counts
 * @param elsewhere files whose name something else has in the archive, and under which key ours are
 */
record ArchiveProgress(TimelineHistory lineage, Lsn from, Lsn archived, Set<ArchivedName> done, Map<ArchivedName, String> elsewhere) {

    ArchiveProgress {
        done = Set.copyOf(done);
        elsewhere = Map.copyOf(elsewhere);
    }

    static ArchiveProgress begin(TimelineHistory lineage, Lsn from) {
        return new ArchiveProgress(lineage, from, from, Set.of(), Map.of());
    }

    /** Another history is followed: what it shares with ours is archived, from the segment of the fork on it is not. */
    ArchiveProgress on(TimelineHistory next, SegmentSize size) {
        if (next.equals(lineage)) {
            return this;
        }
        Lsn shared = lineage.forkWith(next).map(fork -> Lsn.min(archived, size.startOf(fork))).orElse(archived);
        return new ArchiveProgress(next, Lsn.min(from, shared), shared, done, elsewhere);
    }

    ArchiveProgress with(ArchivedName name) {
        Set<ArchivedName> more = new HashSet<>(done);
        more.add(name);
        return new ArchiveProgress(lineage, from, archived, more, elsewhere);
    }

    ArchiveProgress elsewhere(ArchivedName name, String key) {
        Map<ArchivedName, String> more = new HashMap<>(elsewhere);
        more.put(name, key);
        return new ArchiveProgress(lineage, from, archived, done, more);
    }

    ArchiveProgress upTo(Lsn position) {
        return position.equals(archived) ? this : new ArchiveProgress(lineage, from, position, done, elsewhere);
    }

    /** What lies before {@code position} is not all there, and never will be. */
    ArchiveProgress passingOverTo(Lsn position) {
        return new ArchiveProgress(lineage, position, position, done, elsewhere);
    }

    /** Own WAL that nobody has any more. */
    record Hole(Lsn from, Lsn to) {}

    /** @param holes what was passed over */
    record Advance(ArchiveProgress progress, List<Hole> holes) {}

    /**
     * Moves on over what is archived and what is gone. Not over what is damaged, while it is held: the next start verifies from there on, and says
     * it again.
     *
     * @param whole own segments that are held
     * @param oldest where own WAL begins that is held; what is before and not archived was freed before it was, or never came
     */
    Advance advanced(Set<SegmentId> whole, Lsn oldest, SegmentSize size) {
        List<Hole> holes = new ArrayList<>();
        ArchiveProgress next = this;
        Lsn hole = Lsn.INVALID;
        while (true) {
            Lsn at = next.archived;
            SegmentId id = new SegmentId(lineage.timelineAt(at.plus(size.bytes() - 1L)), size.segmentNumber(at));
            boolean there = done.contains(new ArchivedName(lineage.upTo(id.timeline()), new WalFileName.Segment(id), size));
            boolean gone = !there && !whole.contains(id) && at.isBefore(oldest);
            if (!gone && hole.isValid()) {
                holes.add(new Hole(hole, at));
                hole = Lsn.INVALID;
            }
            if (there) {
                next = next.upTo(id.end(size));
            } else if (gone) {
                hole = hole.isValid() ? hole : at;
                next = next.passingOverTo(id.end(size));
            } else {
                return new Advance(next, List.copyOf(holes));
            }
        }
    }

    /** Own WAL before {@code position} is not there any more. */
    ArchiveProgress beginningAt(Lsn position) {
        return new ArchiveProgress(lineage, Lsn.max(from, Lsn.min(position, archived)), archived, done, elsewhere);
    }

    /** These are not there any more: own segments among them are the first that the positions count. */
    ArchiveProgress without(Collection<ArchivedName> names, SegmentSize size) {
        Set<String> keys = names.stream().map(ArchivedName::key).collect(Collectors.toSet());
        Set<ArchivedName> left = new HashSet<>(done);
        left.removeIf(name -> keys.contains(name.key()));
        Map<ArchivedName, String> leftElsewhere = new HashMap<>(elsewhere);
        leftElsewhere.keySet().removeIf(name -> keys.contains(name.key()));
        Lsn begin = names.stream()
                .filter(name -> isCounted(name, size))
                .map(name -> name.file() instanceof WalFileName.Segment(var id) ? id.end(size) : from)
                .reduce(from, Lsn::max);
        return new ArchiveProgress(lineage, begin, archived, left, leftElsewhere);
    }

    /** What was there {@code before} is there, too; nothing of it where another history is followed by now, or own WAL has got a gap since. */
    ArchiveProgress takingBack(ArchiveProgress before) {
        if (!lineage.equals(before.lineage) || from.isAfter(before.archived)) {
            return this;
        }
        Set<ArchivedName> more = new HashSet<>(done);
        more.addAll(before.done);
        Map<ArchivedName, String> moreElsewhere = new HashMap<>(before.elsewhere);
        moreElsewhere.putAll(elsewhere);
        return new ArchiveProgress(lineage, Lsn.min(from, before.from), archived, more, moreElsewhere);
    }

    /** Whether a file is known to be in the archive. */
    boolean has(ArchivedName name, SegmentSize size) {
        return done.contains(name) || isCounted(name, size);
    }

    private boolean isCounted(ArchivedName name, SegmentSize size) {
        return name.file() instanceof WalFileName.Segment(var id)
                && id.start(size).isAtLeast(from)
                && id.end(size).isAtMost(archived)
                // A position is one timeline's: what an ancestor wrote past the fork is another file.
                && lineage.timelineAt(id.end(size).plus(-1)).equals(id.timeline())
                && lineage.upTo(id.timeline()).equals(name.lineage());
    }

    /** Without own segments that the positions count now, and without what lies before and nobody has any more. */
    ArchiveProgress forgetting(SegmentSize size, Set<SegmentId> present) {
        Set<ArchivedName> left = new HashSet<>(done);
        left.removeIf(name -> isCounted(name, size) || segment(name).filter(id -> id.end(size).isAtMost(archived) && !present.contains(id)).isPresent());
        return left.size() == done.size() ? this : new ArchiveProgress(lineage, from, archived, left, elsewhere);
    }

    private static Optional<SegmentId> segment(ArchivedName name) {
        return switch (name.file()) {
            case WalFileName.Segment(var id) -> Optional.of(id);
            case WalFileName.Partial(var id) -> Optional.of(id);
            case WalFileName.History _, WalFileName.Backup _ -> Optional.empty();
        };
    }

    /** Where it is kept. */
    static final class File {
        private static final Logger log = LoggerFactory.getLogger(ArchiveProgress.class);
        private static final String PATH = "archived";
        private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALARCPR", 1);

        private final DurableFiles files;
        private final SegmentSize size;
        private final ArchiveTier tier;

        File(DurableFiles files, SegmentSize size, ArchiveTier tier) {
            this.files = files;
            this.size = size;
            this.tier = tier;
        }

        /** Empty also when it is about another archive than the one that is used: of that nothing is known. */
        Optional<ArchiveProgress> load() throws IOException {
            Optional<byte[]> body;
            try {
                body = files.read(PATH, FORMAT);
            } catch (DurableFiles.DamagedFileException e) {
                log.warn("what has been archived is looked up anew: {}", e.getMessage());
                return Optional.empty();
            }
            return body.isEmpty() ? Optional.empty() : parse(body.get());
        }

        private Optional<ArchiveProgress> parse(byte[] body) throws IOException {
            try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body))) {
                if (!in.readUTF().equals(tier.knownId().orElse(""))) {
                    return Optional.empty();
                }
                TimelineHistory lineage = HistoryBytes.read(in);
                Lsn from = new Lsn(in.readLong());
                Lsn archived = new Lsn(in.readLong());
                Set<ArchivedName> done = new HashSet<>();
                for (int n = in.readInt(); n > 0; n--) {
                    done.add(readName(in));
                }
                Map<ArchivedName, String> elsewhere = new HashMap<>();
                for (int n = in.readInt(); n > 0; n--) {
                    elsewhere.put(readName(in), in.readUTF());
                }
                return Optional.of(new ArchiveProgress(lineage, from, archived, done, elsewhere));
            }
        }

        void save(ArchiveProgress progress) throws IOException {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            try (DataOutputStream out = new DataOutputStream(body)) {
                out.writeUTF(tier.knownId().orElse(""));
                HistoryBytes.write(out, progress.lineage);
                out.writeLong(progress.from.value());
                out.writeLong(progress.archived.value());
                out.writeInt(progress.done.size());
                for (ArchivedName name : progress.done) {
                    writeName(out, name);
                }
                out.writeInt(progress.elsewhere.size());
                for (Map.Entry<ArchivedName, String> entry : progress.elsewhere.entrySet()) {
                    writeName(out, entry.getKey());
                    out.writeUTF(entry.getValue());
                }
            }
            files.write(PATH, FORMAT, body.toByteArray());
        }

        private ArchivedName readName(DataInputStream in) throws IOException {
            TimelineHistory lineage = HistoryBytes.read(in);
            return new ArchivedName(lineage, WalFileName.require(in.readUTF(), size), size);
        }

        private static void writeName(DataOutputStream out, ArchivedName name) throws IOException {
            HistoryBytes.write(out, name.lineage());
            out.writeUTF(name.fileName());
        }
    }
}
