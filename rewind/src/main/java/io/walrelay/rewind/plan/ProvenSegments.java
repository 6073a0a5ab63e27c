package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.datadir.SegmentChecksum;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.format.CheckpointSearch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * The whole segments of the target's WAL of which it is proved that they are, byte by byte, those whose changes somebody knows: by name, length and
 * CRC-32C. A timeline's number, and its lineage's id, two servers can have taken for themselves; bytes can't be mistaken.
 *
 * <p>A segment that the target has not got any more is proved as well when it would be read from nobody but who knows its changes.
 *
 * <p>Confined to one thread, which has others help it.
 */
public final class ProvenSegments {

    /** As many are asked for together. */
    private static final int WINDOW = 256;

    /** As many are looked at together, by several threads, once it is known that one does not do. */
    private static final int AT_ONCE = 8;

    /** What the target's own pg_wal has not got. */
    @FunctionalInterface
    public interface Absent {

        /** Whether it is read from nobody but who knows its changes, and is the target's there. Asked only where something is absent. */
        boolean areHeld() throws IOException;
    }

    /** One that is to be compared. */
    private record Candidate(long number, Path file, HeldChanges.Segment segment) {}

    private final HeldChanges held;
    private final PgWal local;
    private final Absent absent;
    private final SegmentSize size;

    /** By number: those whose changes are known, of the windows that were asked for. */
    private final Map<Long, HeldChanges.Segment> known = new HashMap<>();

    private final Set<Long> windows = new HashSet<>();
    private final Map<Long, Boolean> proven = new HashMap<>();
    private int atOnce = 1;

    /** What {@link #isProvenUpTo} was asked last, and has answered. */
    private Lsn askedUpTo = Lsn.INVALID;

    private boolean provenUpTo;

    /**
     * @param local what the target's own pg_wal has
     */
    public ProvenSegments(HeldChanges held, PgWal local, Absent absent, SegmentSize size) {
        this.held = held;
        this.local = local;
        this.absent = absent;
        this.size = size;
    }

    /** Whether the segment that begins at {@code start} is proved. */
    boolean isProven(Lsn start) throws IOException {
        long number = size.segmentNumber(start);
        if (!proven.containsKey(number)) {
            long first = number & -atOnce;
            prove(LongStream.range(first, first + atOnce));
            atOnce = Math.min(2 * atOnce, AT_ONCE);
        }
        return proven.getOrDefault(number, false);
    }

    /** What is known of the checkpoints in a segment, if it is proved. */
    Optional<CheckpointSearch.Known> checkpoints(Lsn start) throws IOException {
        return isProven(start) ? segment(size.segmentNumber(start)).map(segment -> new CheckpointSearch.Known(segment.lastCheckpoint())) : Optional.empty();
    }

    /** Looks at all that begin from {@code from}, the beginning of one, on and end at {@code to} or before: then it is known of each. */
    void prove(Lsn from, Lsn to) throws IOException {
        prove(LongStream.range(size.segmentNumber(from), size.segmentNumber(to)));
    }

    private void prove(LongStream numbers) throws IOException {
        List<Candidate> candidates = new ArrayList<>();
        for (long number : numbers.filter(number -> !proven.containsKey(number)).toArray()) {
            Optional<HeldChanges.Segment> segment = segment(number);
            Optional<Path> file = local.file(size.start(number));
            if (segment.isPresent() && file.isPresent()) {
                candidates.add(new Candidate(number, file.get(), segment.get()));
            }
            proven.put(number, segment.isPresent() && file.isEmpty() && absent.areHeld());
        }
        try {
            candidates.parallelStream().filter(this::isEqual).toList().forEach(candidate -> proven.put(candidate.number, true));
        } catch (UncheckedIOException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Whether what the segment in which {@code to} lies has before that is proved. */
    boolean isProvenUpTo(Lsn to) throws IOException {
        if (!to.equals(askedUpTo)) {
            askedUpTo = to;
            Optional<HeldChanges.Segment> segment = size.offset(to) == 0 ? Optional.empty() : held.beginning(to);
            Optional<Path> file = local.file(size.startOf(to));
            provenUpTo = segment.isPresent() && (file.isPresent() ? isEqual(file.get(), segment.get(), size.offset(to)) : absent.areHeld());
        }
        return provenUpTo;
    }

    /** Whether {@code file} is that segment's and its first {@code bytes} are. */
    private boolean isEqual(Path file, HeldChanges.Segment segment, int bytes) throws IOException {
        return file.endsWith(segment.name()) && SegmentChecksum.of(file, size, bytes).equals(OptionalInt.of(segment.crc32c()));
    }

    private boolean isEqual(Candidate candidate) {
        try {
            return isEqual(candidate.file, candidate.segment, size.bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Optional<HeldChanges.Segment> segment(long number) throws IOException {
        long window = number & -WINDOW;
        if (windows.add(window)) {
            for (HeldChanges.Segment segment : held.segments(size.start(window), size.start(window + WINDOW))) {
                known.put(size.segmentNumber(segment.start()), segment);
            }
        }
        return Optional.ofNullable(known.get(number));
    }
}
