package io.walrelay.rewind;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Random;

/**
 * Two small data directories as PostgreSQL 15 leaves them, stopped, with WAL that says what each did since they parted; a fixture.
 *
 * <pre>
 *   target  1 ──C── both ──┬── blocks of most files, a new one ──S
 *   source                 └─2── others ──S
 * </pre>
 */
final class StoppedClusters {

    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final SystemId SYSTEM = new SystemId(7_000_000_000_000_000_001L);
    private static final int PAGE = 8192;
    private static final int RELATIONS = 6;
    private static final int PAGES = 12;

    private static final int XLOG = 0;
    private static final int HEAP = 10;
    private static final int SHUTDOWN = 0x00;
    private static final int ONLINE = 0x10;
    private static final int NOOP = 0x20;

    private final Random random;
    private final WalCraft ours;
    private final WalCraft theirs;

    StoppedClusters(long seed) {
        this.random = new Random(seed);
        this.ours = WalCraft.begin(SEGMENT, SYSTEM, Lsn.parse("0/1000000"), seed);
        change(ours, 16384, 0);
        checkpoint(ours, ONLINE, ours.end(), 1);
        change(ours, 16385, 1);
        this.theirs = ours.promoted(new TimelineId(2), ours.end());
        for (int relation = 0; relation < RELATIONS; relation++) {
            for (int block = random.nextInt(4); block < PAGES; block += 1 + random.nextInt(4)) {
                change(ours, 16384 + relation, block);
            }
            change(theirs, 16384 + relation, random.nextInt(PAGES));
        }
        // Into another segment.
        nothing(ours, 1_200_000);
        checkpoint(ours, SHUTDOWN, ours.end(), 1);
        checkpoint(theirs, SHUTDOWN, theirs.end(), 2);
    }

    private static void nothing(WalCraft wal, int length) {
        wal.record(XLOG, NOOP, ByteBuffer.allocate(5 + length).order(ByteOrder.LITTLE_ENDIAN).put((byte) 254).putInt(length).array());
    }

    private static void checkpoint(WalCraft wal, int info, Lsn redo, int timeline) {
        ByteBuffer body = ByteBuffer.allocate(90).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 255).put((byte) 88).putLong(redo.value()).putInt(timeline).putInt(timeline);
        wal.record(XLOG, info, body.array());
    }

    private static void change(WalCraft wal, int relation, int block) {
        ByteBuffer body = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 0).put((byte) 0).putShort((short) 0).putInt(1663).putInt(5).putInt(relation).putInt(block);
        wal.record(HEAP, 0, body.array());
    }

    /** Makes both, of which the target is in {@code target}. */
    void write(Path target, Path source) throws IOException {
        byte[][] shared = new byte[RELATIONS][];
        for (int i = 0; i < RELATIONS; i++) {
            shared[i] = bytes(PAGES * PAGE);
        }
        write(target, ours, shared, 1);
        write(source, theirs, shared, 2);
        file(target, "base/5/16500", bytes(3 * PAGE));
        file(target, "pg_wal/archive_status/000000010000000000000010.ready", new byte[0]);
        file(target, "only_target/deep/file", bytes(100));
        file(source, "base/5/16501", bytes(2 * PAGE));
        file(source, "only_source/file", bytes(100));
        file(source, "pg_wal/00000002.history", theirs.history().format().getBytes(StandardCharsets.UTF_8));
    }

    private void write(Path directory, WalCraft wal, byte[][] shared, int timeline) throws IOException {
        Files.createDirectories(directory);
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
        text(directory, "PG_VERSION", "15\n");
        text(directory, "postgresql.conf", "cluster_name = 'on timeline %d'\n".formatted(timeline));
        text(directory, "postgresql.auto.conf", "# timeline %d\n".formatted(timeline));
        long checkpoint = wal.recordStarts().getLast().value();
        file(directory, ControlFile.PATH, ControlFileCraft.of15().checkpoint(checkpoint, checkpoint, timeline).putInt(228, SEGMENT.bytes()).bytes());
        for (int relation = 0; relation < RELATIONS; relation++) {
            byte[] content = shared[relation].clone();
            for (int i = 0; i < 3; i++) {
                int at = random.nextInt(PAGES) * PAGE;
                System.arraycopy(bytes(PAGE), 0, content, at, PAGE);
            }
            // Some have grown.
            int grown = relation % 3 == timeline ? 4 * PAGE : 0;
            ByteBuffer all = ByteBuffer.allocate(content.length + grown).put(content).put(bytes(grown));
            file(directory, "base/5/" + (16384 + relation), all.array());
        }
        file(directory, "base/5/16384_fsm", bytes(3 * PAGE));
        file(directory, "pg_xact/0000", bytes(PAGE));
        for (long number = SEGMENT.segmentNumber(wal.start()); SEGMENT.start(number).isBefore(wal.end()); number++) {
            SegmentId id = new SegmentId(new TimelineId(timeline), number);
            file(directory, "pg_wal/" + new WalFileName.Segment(id).fileName(SEGMENT), wal.segment(number));
        }
    }

    private byte[] bytes(int count) {
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    private static void text(Path directory, String path, String content) throws IOException {
        file(directory, path, content.getBytes(StandardCharsets.UTF_8));
    }

    private static void file(Path directory, String path, byte[] content) throws IOException {
        Path file = directory.resolve(path);
        Files.createDirectories(Objects.requireNonNull(file.getParent(), path));
        Files.write(file, content);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }
}
