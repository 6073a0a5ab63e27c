package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a relay knows of the target's WAL is believed where the bytes are the same, and nowhere else.
 *
 * <pre>
 *   target  │ 16   from      │ 17           │ 18           │ 19           │ 20           │ 21    end     │
 *   relay   │ equal          │ equal        │ equal        │ equal        │ not equal    │
 *   index           ├────────┼──────────────┼──────────────┤
 *   read                                                   ├──────────────┼──────────────┼──────┤
 * </pre>
 */
class IndexedTargetWalTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final RelationFile TABLE = new RelationFile(1663, 5, 16384);
    private static final RelationPath FILE = new RelationPath(TABLE, 0);
    private static final int BLOCKS_PER_FILE = 1 << 17;

    private record Change(Lsn at, int block) {}

    /** What a relay says. A segment that {@link #others} has it holds with other bytes, of which it says what it says. */
    private final class Index implements HeldChanges {
        private final Set<Long> others = new HashSet<>();
        private final Set<Long> absent = new HashSet<>();
        private final List<MergedChanges.File> files = new ArrayList<>();
        private final List<String> asked = new ArrayList<>();
        private int missing;

        @Override
        public List<Segment> segments(Lsn from, Lsn to) {
            List<Segment> known = new ArrayList<>();
            for (Lsn at = Lsn.max(from, wal.start()); SIZE.endOf(at).isAtMost(wal.end()) && at.isBefore(to); at = SIZE.endOf(at)) {
                Lsn start = at;
                long number = SIZE.segmentNumber(start);
                if (!absent.contains(number)) {
                    Optional<Lsn> checkpoint = checkpoints.stream().filter(of -> SIZE.startOf(of).equals(start)).max(Lsn::compareTo);
                    known.add(new Segment(start, name(number), crc32c(wal.segment(number)) + (others.contains(number) ? 1 : 0), checkpoint));
                }
            }
            return known;
        }

        @Override
        public Optional<Segment> beginning(Lsn to) {
            long number = SIZE.segmentNumber(to);
            byte[] bytes = Arrays.copyOf(wal.segment(number), SIZE.offset(to));
            int crc32c = crc32c(bytes) + (others.contains(number) ? 1 : 0);
            return absent.contains(number) ? Optional.empty() : Optional.of(new Segment(SIZE.startOf(to), name(number), crc32c, Optional.empty()));
        }

        @Override
        public Optional<MergedChanges> changes(Lsn from, Optional<Lsn> to) {
            Lsn end = to.orElse(wal.end());
            asked.add("%s %s".formatted(from, end));
            List<MergedChanges.Blocks> blocks = changes.stream()
                    .filter(change -> change.at.isAtLeast(from) && change.at.isBefore(end))
                    .map(change -> new MergedChanges.Blocks(TABLE, others.contains(SIZE.segmentNumber(change.at)) ? change.block + 1_000_000 : change.block, 1, false))
                    .toList();
            return Optional.of(new MergedChanges(blocks, files, end.plus(-missing)));
        }
    }

    @TempDir
    private Path directory;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final WalCraft wal = WalCraft.begin(SIZE, new SystemId(7), Lsn.parse("0/1000000"), seed);
    private final List<Change> changes = new ArrayList<>();
    private final List<Lsn> checkpoints = new ArrayList<>();
    private final Index index = new Index();

    @BeforeEach
    void fillSegments() throws IOException {
        checkpoint();
        while (wal.end().isBefore(Lsn.parse("0/1580000"))) {
            change(random.nextInt(5_000), random.nextInt(1_000) == 0 ? 300_000 : random.nextInt(200, 3_000));
        }
        write(16, 21);
    }

    private void write(int first, int last) throws IOException {
        for (long number = first; number <= last; number++) {
            Files.write(directory.resolve(name(number)), wal.segment(number));
        }
    }

    private static String name(long number) {
        return new WalFileName.Segment(new SegmentId(new TimelineId(1), number)).fileName(SIZE);
    }

    private static int crc32c(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private void change(int block, int data) {
        ByteBuffer body = ByteBuffer.allocate(25 + data).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 0).put((byte) 0).putShort((short) 0).putInt(1663).putInt(5).putInt(16384).putInt(block).put((byte) 254).putInt(data);
        Arrays.fill(body.array(), 25, body.capacity(), (byte) 0x5A);
        wal.record(10, 0, body.array());
        changes.add(new Change(wal.recordStarts().getLast(), block));
    }

    private void checkpoint() {
        ByteBuffer body = ByteBuffer.allocate(90).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 255).put((byte) 88).putLong(wal.end().value()).putInt(1).putInt(1);
        wal.record(0, 0x10, body.array());
        checkpoints.add(wal.recordStarts().getLast());
    }

    private Set<Integer> expected(Lsn from, Lsn end) {
        Set<Integer> blocks = new HashSet<>();
        changes.stream().filter(change -> change.at.isAtLeast(from) && change.at.isBefore(end)).forEach(change -> blocks.add(change.block));
        return blocks;
    }

    /** The target's WAL, with what was read of it. */
    private final class Target implements AutoCloseable {
        final PgWal files = new PgWal(directory, IndexedTargetWalTest.this.wal.history(), SIZE, WalElsewhere.NOWHERE);
        final TargetWal wal;

        Target(boolean archive) {
            ProvenSegments proven = new ProvenSegments(index, files, () -> !archive, SIZE);
            wal = new TargetWal(files, files, IndexedTargetWalTest.this.wal.identity(), index, proven);
        }

        Set<Integer> changed(Lsn from, Lsn end) throws IOException, RefusedException {
            BitSet found = wal.changes(from, end, BLOCKS_PER_FILE).changed().of(FILE);
            return new HashSet<>(found.stream().boxed().toList());
        }

        @Override
        public void close() throws IOException {
            files.close();
        }
    }

    private Lsn recordStart() {
        return changes.get(random.nextInt(changes.size())).at;
    }

    @Test
    void whereAllIsEqualNothingIsRead() throws Exception {
        Lsn from = changes.get(3).at;
        try (Target target = new Target(false)) {
            TargetWal.Found found = target.wal.changes(from, wal.end(), BLOCKS_PER_FILE);
            assertEquals(expected(from, wal.end()), new HashSet<>(found.changed().of(FILE).stream().boxed().toList()), () -> "seed " + seed);
            assertEquals(List.of(from + " " + wal.end()), index.asked);
            assertEquals(List.of(6, 0), List.of(found.indexed(), found.read()));
            assertEquals(0, target.files.bytesRead());
        }
    }

    @Test
    void ofWhatIsEqualTheLastSegmentIsReadAndThoseBehindIt() throws Exception {
        index.absent.add(21L);
        index.others.add(20L);
        Lsn from = changes.get(3).at;
        try (Target target = new Target(false)) {
            TargetWal.Found found = target.wal.changes(from, wal.end(), BLOCKS_PER_FILE);
            assertEquals(expected(from, wal.end()), new HashSet<>(found.changed().of(FILE).stream().boxed().toList()), () -> "seed " + seed);
            assertEquals(List.of(from + " 0/1300000"), index.asked);
            assertEquals(List.of(3, 3), List.of(found.indexed(), found.read()));
            assertTrue(target.files.bytesRead() <= 3 << 20);
        }
    }

    /** With the same checksum its word would have been taken: that is what the proof is for. */
    @Test
    void aSegmentWithOtherBytesIsNotBelieved() throws Exception {
        Lsn from = wal.recordStarts().getFirst();
        index.others.add(18L);
        try (Target target = new Target(false)) {
            assertEquals(expected(from, wal.end()), target.changed(from, wal.end()), () -> "seed " + seed);
            assertEquals(List.of(from + " 0/1100000", "0/1300000 " + wal.end()), index.asked);
        }
        index.others.clear();
        index.others.add(19L);
        byte[] spoilt = wal.segment(18);
        spoilt[12_345] ^= 1;
        Files.write(directory.resolve(name(18)), spoilt);
        try (Target target = new Target(false)) {
            assertThrows(RefusedException.class, () -> target.changed(from, wal.end()), "it is read, and it is damaged");
        }
    }

    @Test
    void aFileOfAnotherLengthIsAnother() throws Exception {
        Lsn from = wal.recordStarts().getFirst();
        Files.write(directory.resolve(name(17)), new byte[5]);
        try (Target target = new Target(false)) {
            assertThrows(RefusedException.class, () -> target.changed(from, wal.end()));
            assertTrue(index.asked.isEmpty() || index.asked.getFirst().startsWith("0/12"), index.asked.toString());
        }
    }

    /** Gone from the target, and nobody else has it than who knows what it changes; or an archive may have another. */
    @Test
    void aSegmentThatIsGoneIsTheRelaysUnlessThereIsAnArchive() throws Exception {
        Lsn from = wal.recordStarts().getFirst();
        Files.delete(directory.resolve(name(17)));
        try (Target target = new Target(false)) {
            assertEquals(expected(from, wal.end()), target.changed(from, wal.end()), () -> "seed " + seed);
        }
        try (Target target = new Target(true)) {
            assertThrows(RefusedException.class, () -> target.changed(from, wal.end()));
        }
    }

    @Test
    void whateverIsKnownTheAnswerIsTheSame() throws Exception {
        for (int i = 0; i < 60; i++) {
            index.others.clear();
            index.absent.clear();
            for (long number = 16; number <= 21; number++) {
                Set<Long> group = random.nextInt(4) == 0 ? index.others : random.nextInt(4) == 0 ? index.absent : new HashSet<>();
                group.add(number);
            }
            Lsn from = recordStart();
            Lsn end = wal.recordEnds().get(random.nextInt(wal.recordEnds().size()));
            try (Target target = new Target(false)) {
                Map<String, Object> of = new HashMap<>(Map.of("seed", seed, "from", from, "end", end, "others", index.others, "absent", index.absent));
                assertEquals(expected(from, end), target.changed(from, end), of::toString);
            }
        }
    }

    /** Blocks would stay as they are that had to be fetched. */
    @Test
    void anAnswerThatIsNotOfAllThatWasAskedForIsNone() throws Exception {
        index.missing = 8;
        try (Target target = new Target(false)) {
            IOException refused = assertThrows(IOException.class, () -> target.changed(wal.recordStarts().getFirst(), wal.end()));
            assertTrue(String.valueOf(refused.getMessage()).contains("has answered up to " + wal.end().plus(-8)), refused.getMessage());
        }
    }

    /** A terabyte, nearly: what takes a second must not take an hour because each segment is looked for again from each other. */
    @Test
    void whereNothingIsKnownManySegmentsCostNoMoreThanOneLookEach() throws Exception {
        Lsn from = wal.recordStarts().getFirst();
        try (PgWal files = new PgWal(directory, wal.history(), SIZE, WalElsewhere.NOWHERE)) {
            TargetWal target = new TargetWal(files, files, wal.identity(), HeldChanges.NONE, new ProvenSegments(HeldChanges.NONE, files, () -> false, SIZE));
            assertTimeout(Duration.ofSeconds(15), () -> assertThrows(RefusedException.class, () -> target.changes(from, from.plus(100_000L << 20), BLOCKS_PER_FILE)));
        }
    }

    @Test
    void whatIsRefusedInARecordIsRefusedInTheIndex() throws Exception {
        index.files.add(new MergedChanges.File(wal.start(), new FileChange.Unknown(200, 0x40)));
        try (Target target = new Target(false)) {
            target.changed(wal.recordStarts().getFirst(), wal.end());
        }
        index.files.add(new MergedChanges.File(wal.start(), new FileChange.Unknown(200, 0x41)));
        try (Target target = new Target(false)) {
            RefusedException refused = assertThrows(RefusedException.class, () -> target.changed(wal.recordStarts().getFirst(), wal.end()));
            assertTrue(String.valueOf(refused.getMessage()).contains("lsn: 0/1000000, rmid: 200, info: 41"), refused.getMessage());
        }
    }

    @Test
    void theLastCheckpointIsFoundWithoutReadingWhatHasNone() throws Exception {
        Lsn checkpoint = checkpoints.getFirst();
        try (Target target = new Target(false)) {
            assertEquals(checkpoint, target.wal.lastCheckpointBefore(Lsn.parse("0/1500000")).checkpoint());
            assertTrue(target.files.bytesRead() <= 1 << 20, () -> target.files.bytesRead() + " bytes");
        }
        // Of the one that is another's nothing is known.
        index.others.add(18L);
        try (Target target = new Target(false)) {
            assertEquals(checkpoint, target.wal.lastCheckpointBefore(Lsn.parse("0/1500000")).checkpoint());
            assertTrue(target.files.bytesRead() > 1 << 20, () -> target.files.bytesRead() + " bytes");
        }
    }

    /** The end is looked for where the proof ends; a record that was begun there may be torn. */
    @Test
    void aCrashedTargetsEndIsFoundFromTheLastProvedSegmentOn() throws Exception {
        Lsn redo = wal.recordStarts().getFirst();
        ControlFileCraft crashed = ControlFileCraft.of15().checkpoint(redo.value(), redo.value(), 1).state(6);
        try (Target target = new Target(false)) {
            assertEquals(wal.end(), target.wal.end(crashed.read()));
            assertTrue(target.files.bytesRead() <= 2 << 20, () -> target.files.bytesRead() + " bytes");
        }
        for (int i = 0; i < 20; i++) {
            write(16, 21);
            // Inside a record.
            Lsn end = wal.lastRecordEndAt(Lsn.parse("0/1300000").plus(random.nextInt(2 << 20)));
            Lsn torn = wal.recordStarts().get(wal.recordEnds().indexOf(end) + 1).plus(50);
            for (long number = SIZE.segmentNumber(torn); number <= 21; number++) {
                byte[] segment = wal.segment(number);
                int from = number == SIZE.segmentNumber(torn) ? SIZE.offset(torn) : 0;
                Arrays.fill(segment, from, segment.length, (byte) 0);
                Files.write(directory.resolve(name(number)), segment);
            }
            try (Target target = new Target(false)) {
                assertEquals(end, target.wal.end(crashed.read()), () -> "torn at %s, seed %d".formatted(torn, seed));
                assertEquals(expected(redo, end), target.changed(redo, end), () -> "torn at %s, seed %d".formatted(torn, seed));
            }
        }
    }

    @Test
    void withoutAnyIndexAllIsRead() throws Exception {
        index.absent.addAll(List.of(16L, 17L, 18L, 19L, 20L, 21L));
        Lsn from = recordStart();
        try (Target target = new Target(false)) {
            TargetWal.Found found = target.wal.changes(from, wal.end(), BLOCKS_PER_FILE);
            assertEquals(0, found.indexed());
            assertNotEquals(0, found.read());
            assertEquals(List.of(), index.asked);
        }
    }
}
