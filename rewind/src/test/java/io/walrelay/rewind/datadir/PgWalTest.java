package io.walrelay.rewind.datadir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.ProvenEnd;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * <pre>
 *   timeline 1   |  segment 16  |  segment 17 ───── its own tail
 *   timeline 2                       fork └──────────── |  segment 18
 * </pre>
 */
class PgWalTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final TimelineId ONE = new TimelineId(1);
    private static final TimelineId TWO = new TimelineId(2);

    private final WalCraft first = WalCraft.begin(SIZE, new SystemId(7), Lsn.parse("0/1000000"), 5).randomRecords(12_000, 2_000);
    private final Lsn fork = first.lastRecordEndAt(Lsn.parse("0/1150000"));
    private final WalCraft second = first.promoted(TWO, fork).randomRecords(12_000, 2_000);

    @TempDir
    private Path directory;

    @Test
    void theNewestTimelinesFileHasWhatItsParentsHasBeforeTheFork() throws IOException {
        put(first, ONE, 16);
        put(second, TWO, 17);
        put(second, TWO, 18);

        assertReadable(second, 16, 18);
    }

    @Test
    void aParentsFileIsReadUpToTheForkOnly() throws IOException {
        put(first, ONE, 16);
        put(first, ONE, 17);

        try (PgWal wal = new PgWal(directory, second.history(), SIZE, WalElsewhere.NOWHERE)) {
            assertArrayEquals(first.bytes(first.start(), fork), read(wal, first.start(), (int) fork.minus(first.start())));
            assertEquals(0, wal.read(fork, ByteBuffer.allocate(10)));
        }
    }

    @Test
    void whatIsNotThereIsLookedForElsewhere() throws IOException {
        put(first, ONE, 16);
        Path elsewhere = Files.createDirectory(directory.resolve("elsewhere"));
        Files.write(elsewhere.resolve(name(TWO, 17)), second.segment(17));

        WalElsewhere archive = new WalElsewhere() {
            @Override
            public @Nullable Bytes open(SegmentId segment, String name) throws IOException {
                return Files.exists(elsewhere.resolve(name)) ? Bytes.of(FileChannel.open(elsewhere.resolve(name), StandardOpenOption.READ)) : null;
            }

            @Override
            public Optional<byte[]> read(String name) {
                throw new AssertionError(name);
            }
        };
        try (PgWal wal = new PgWal(directory, second.history(), SIZE, WalElsewhere.NOWHERE.or(archive))) {
            Lsn end = SIZE.start(18);
            assertArrayEquals(second.bytes(second.start(), end), read(wal, second.start(), (int) end.minus(second.start())));
            assertEquals(2 << 20, wal.bytesRead());
        }
    }

    @Test
    void recordsAreReadAcrossTheFork() throws IOException {
        put(first, ONE, 16);
        put(second, TWO, 17);
        put(second, TWO, 18);

        try (PgWal wal = new PgWal(directory, second.history(), SIZE, WalElsewhere.NOWHERE)) {
            // A record that goes on in a segment that is not there is none.
            assertEquals(
                    second.lastRecordEndAt(SIZE.start(19)),
                    ProvenEnd.find(wal, second.identity(), second.start()).lastRecordEnd());
        }
        try (PgWal wal = new PgWal(directory, TimelineHistory.root(ONE), SIZE, WalElsewhere.NOWHERE)) {
            assertEquals(first.lastRecordEndAt(SIZE.start(17)), ProvenEnd.find(wal, first.identity(), first.start()).lastRecordEnd());
        }
    }

    private void assertReadable(WalCraft craft, long from, long to) throws IOException {
        try (PgWal wal = new PgWal(directory, craft.history(), SIZE, WalElsewhere.NOWHERE)) {
            for (long number = from; number <= to; number++) {
                assertArrayEquals(craft.segment(number), read(wal, SIZE.start(number), SIZE.bytes()));
            }
        }
    }

    private static byte[] read(PgWal wal, Lsn from, int length) throws IOException {
        ByteBuffer into = ByteBuffer.allocate(length);
        while (into.hasRemaining() && wal.read(from.plus(into.position()), into) > 0) {
            // Until all is there.
        }
        return Arrays.copyOf(into.array(), into.position());
    }

    private void put(WalCraft craft, TimelineId timeline, long number) throws IOException {
        Files.write(directory.resolve(name(timeline, number)), craft.segment(number));
    }

    private static String name(TimelineId timeline, long number) {
        return new WalFileName.Segment(new SegmentId(timeline, number)).fileName(SIZE);
    }
}
