package io.walrelay.proxy.scenario;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The segment files of a directory, whole and {@code .partial}, as they lie there at the moment: a relay's {@code wal/}, a
 * server's {@code pg_wal}, what pg_receivewal writes.
 */
record WalFiles(Path directory, SegmentSize size) {

    /** Each segment number with the file of the newest timeline, which contains what it shares with its parent. */
    TreeMap<Long, SegmentId> segments() {
        try (Stream<Path> files = Files.list(directory)) {
            TreeMap<Long, SegmentId> newest = new TreeMap<>();
            files.map(f -> String.valueOf(f.getFileName()))
                    .flatMap(name -> WalFileName.parse(name, size).stream())
                    .flatMap(name -> switch (name) {
                        case WalFileName.Segment s -> Stream.of(s.id());
                        case WalFileName.Partial p -> Stream.of(p.id());
                        case WalFileName.History _, WalFileName.Backup _ -> Stream.<SegmentId>empty();
                    })
                    .sorted()
                    .forEach(id -> newest.merge(id.number(), id, (a, b) -> a.timeline().compareTo(b.timeline()) > 0 ? a : b));
            return newest;
        } catch (IOException e) {
            throw new UncheckedIOException("could not list " + directory, e);
        }
    }

    /** The first byte of the oldest segment. */
    Lsn begin() {
        return size.start(segments().firstKey());
    }

    /** Whether the segment that holds {@code lsn} is there, on any timeline. */
    boolean holds(Lsn lsn) {
        return segments().containsKey(size.segmentNumber(lsn));
    }

    private Optional<byte[]> content(SegmentId id) {
        for (WalFileName name : List.of(new WalFileName.Segment(id), new WalFileName.Partial(id))) {
            Path file = directory.resolve(name.fileName(size));
            if (Files.exists(file)) {
                try {
                    return Optional.of(Files.readAllBytes(file));
                } catch (IOException e) {
                    throw new UncheckedIOException("could not read " + file, e);
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Fails unless every byte from the oldest that is held here up to {@code end} is the one that the first of {@code truths}
     * has which holds that segment. Returns how many bytes were compared.
     */
    long assertEqualUpTo(Lsn end, WalFiles... truths) {
        return assertEqualFrom(begin(), end, truths);
    }

    /** As {@link #assertEqualUpTo}, from {@code begin} on, where the truth begins. */
    long assertEqualFrom(Lsn begin, Lsn end, WalFiles... truths) {
        TreeMap<Long, SegmentId> held = segments();
        Lsn at = begin;
        long compared = 0;
        while (at.isBefore(end)) {
            Lsn segmentEnd = Lsn.min(size.endOf(at), end);
            int length = (int) segmentEnd.minus(at);
            SegmentId id = held.get(size.segmentNumber(at));
            if (id == null) {
                throw new AssertionError("%s has no segment for %s; expected WAL without a gap up to %s".formatted(directory, at, end));
            }
            byte[] mine = content(id).orElseThrow();
            byte[] truth = Stream.of(truths)
                    .flatMap(t -> t.content(id).stream())
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("nobody else has segment %s, which lies before %s".formatted(id, end)));
            int differs = Arrays.mismatch(mine, 0, Math.min(length, mine.length), truth, 0, length);
            if (differs >= 0) {
                throw new AssertionError("%s differs from the truth at %s, before %s; segment %s".formatted(directory, at.plus(differs), end, id));
            }
            compared += length;
            at = segmentEnd;
        }
        return compared;
    }

    /** The bytes of one timeline, for a {@link io.walrelay.wal.format.WalReader}. */
    WalSource source(TimelineId timeline) {
        return (at, into) -> {
            SegmentId id = SegmentId.at(timeline, at, size);
            for (WalFileName name : List.of(new WalFileName.Segment(id), new WalFileName.Partial(id))) {
                Path file = directory.resolve(name.fileName(size));
                if (Files.exists(file)) {
                    try (FileChannel channel = FileChannel.open(file)) {
                        ByteBuffer window = into.slice(into.position(), Math.min(into.remaining(), size.bytes() - size.offset(at)));
                        int n = channel.read(window, size.offset(at));
                        into.position(into.position() + Math.max(n, 0));
                        return n;
                    }
                }
            }
            return 0;
        };
    }
}
