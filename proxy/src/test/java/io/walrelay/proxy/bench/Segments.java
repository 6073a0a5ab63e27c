package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Whole segments that a server has written one after the other, of 16 MB each.
 *
 * @param folder where they lie as {@code archive_command = 'cp %p …'} leaves them
 * @param first  the number of the first
 */
record Segments(Path folder, long first, List<String> names) {

    static final SegmentSize SIZE = SegmentSize.DEFAULT;

    /** Has {@code server} write until {@code count} segments are whole, from the one that has {@code begin} on. */
    static Segments write(LocalPostgres server, Lsn begin, int count, Path folder) throws IOException {
        long first = SIZE.segmentNumber(begin);
        Lab.writeWal(server, (long) (count + 1) * SIZE.bytes());
        List<String> names = LongStream.range(first, first + count)
                .mapToObj(number -> new WalFileName.Segment(new SegmentId(new TimelineId(1), number)).fileName(SIZE))
                .toList();
        Files.createDirectory(folder);
        for (String name : names) {
            Files.copy(server.dataDirectory().resolve("pg_wal").resolve(name), folder.resolve(name));
        }
        return new Segments(folder, first, names);
    }

    /** Where the first {@code count} of them end. */
    Lsn end(int count) {
        return SIZE.start(first + count);
    }

    Path file(String name) {
        return folder.resolve(name);
    }

    /** Fails unless {@code copy} has the bytes of segment {@code name}. */
    void compare(Path copy, String name, String broughtBy) throws IOException {
        if (Files.mismatch(copy, file(name)) >= 0) {
            throw new IllegalStateException("%s brought other bytes of %s".formatted(broughtBy, name));
        }
    }
}
