package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.PgWal;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.WalElsewhere;
import io.walrelay.rewind.plan.SameNumber.Answer;
import io.walrelay.rewind.plan.SameNumber.Finding;
import io.walrelay.rewind.source.DirectorySource;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Timeline 2 was taken at one point, once or twice; 3 follows on the source.
 *
 * <pre>
 *   segment         16   |   17   |   18
 *   target  1 ──────┬─2──────────────C──▶
 *   source          └─2──────3──────────▶
 * </pre>
 */
class SameNumberTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final TimelineId TWO = new TimelineId(2);
    private static final TimelineId THREE = new TimelineId(3);

    private final WalCraft first = WalCraft.begin(SIZE, new SystemId(7), Lsn.parse("0/1000000"), 5).randomRecords(3_000, 2_000);
    private final Lsn begin = first.lastRecordEndAt(Lsn.parse("0/1050000"));
    private final WalCraft two = first.promoted(TWO, begin).randomRecords(12_000, 2_000);
    private final WalCraft otherTwo = first.promoted(TWO, begin).randomRecords(12_000, 2_000);

    @TempDir
    private Path target;

    @TempDir
    private Path source;

    private Lsn checkpoint = Lsn.parse("0/1050000");

    private Finding check(WalCraft ours, WalCraft theirs) throws IOException, RefusedException {
        try (PgWal wal = new PgWal(target.resolve("pg_wal"), ours.history(), SIZE, WalElsewhere.NOWHERE);
                DirectorySource server = new DirectorySource(source)) {
            SameNumber sameNumber = new SameNumber(side(ours), wal, side(theirs), server);
            Optional<Divergence> divergence = Divergence.between(ours.history(), theirs.history());
            return sameNumber.check(divergence.map(Divergence::common).orElse(ours.history()));
        }
    }

    private Answer checkpoint(WalCraft ours, WalCraft theirs) throws IOException, RefusedException {
        try (PgWal wal = new PgWal(target.resolve("pg_wal"), ours.history(), SIZE, WalElsewhere.NOWHERE);
                DirectorySource server = new DirectorySource(source)) {
            return new SameNumber(side(ours), wal, side(theirs), server).checkpoint(checkpoint);
        }
    }

    private Side side(WalCraft craft) throws RefusedException {
        ControlFileCraft control = ControlFileCraft.of15().putInt(228, SIZE.bytes());
        return new Side(control.checkpoint(checkpoint.value(), checkpoint.value(), craft.history().timeline().value()).read(), 15, craft.history());
    }

    private static void put(Path directory, WalCraft craft, long... segments) throws IOException {
        Files.createDirectories(directory.resolve("pg_wal"));
        for (long number : segments) {
            String name = new WalFileName.Segment(new SegmentId(craft.history().timeline(), number)).fileName(SIZE);
            Files.write(directory.resolve("pg_wal").resolve(name), craft.segment(number));
        }
    }

    @Test
    void oneTimelineIsProvenByItsFirstRecord() throws IOException, RefusedException {
        put(target, two, 16);
        put(source, two, 16);
        assertEquals(new Finding(Optional.empty(), true), check(two, two));
    }

    @Test
    void oneNumberTakenTwiceIsFound() throws IOException, RefusedException {
        put(target, two, 16);
        put(source, otherTwo, 16);
        assertEquals(new Finding(Optional.of(two.history()), true), check(two, otherTwo));
    }

    @Test
    void aNumberTakenTwiceBelowTheNewestIsFoundInAnyFileThatBeginsWithItsBytes() throws IOException, RefusedException {
        WalCraft three = otherTwo.promoted(THREE, otherTwo.lastRecordEndAt(Lsn.parse("0/1060000"))).randomRecords(12_000, 2_000);
        put(target, two, 16);
        put(source, three, 16);
        assertEquals(new Finding(Optional.of(two.history()), true), check(two, three));

        put(source, two.promoted(THREE, two.lastRecordEndAt(Lsn.parse("0/1060000"))).randomRecords(12_000, 2_000), 16);
        assertEquals(new Finding(Optional.empty(), true), check(two, two.promoted(THREE, two.lastRecordEndAt(Lsn.parse("0/1060000")))));
    }

    /** The segment where it begins was recycled. */
    @Test
    void withoutItsFirstRecordTheLastCheckpointOfBothTells() throws IOException, RefusedException {
        checkpoint = two.lastRecordEndAt(Lsn.parse("0/1150000"));
        put(target, two, 17);
        put(source, two, 17);
        assertEquals(new Finding(Optional.empty(), true), check(two, two));

        put(source, otherTwo, 17);
        assertEquals(new Finding(Optional.of(two.history()), true), check(two, otherTwo));
    }

    @Test
    void withNothingThatBothHaveItIsNotProven() throws IOException, RefusedException {
        checkpoint = two.lastRecordEndAt(Lsn.parse("0/1150000"));
        put(target, two, 16);
        put(source, two, 17);
        assertEquals(new Finding(Optional.empty(), false), check(two, two));
        // Room for WAL that has not come.
        Files.write(source.resolve("pg_wal/000000020000000000000010"), new byte[SIZE.bytes()]);
        assertEquals(new Finding(Optional.empty(), false), check(two, two));
    }

    /** Neither its first record nor a checkpoint of both: but each has a segment of it, the source the beginning of its own only. */
    @Test
    void aPageThatBothHaveTells() throws IOException, RefusedException {
        checkpoint = two.lastRecordEndAt(Lsn.parse("0/1150000"));
        put(target, two, 17);
        put(source, otherTwo, 17);
        Path file = source.resolve("pg_wal/000000020000000000000011");
        byte[] bytes = Files.readAllBytes(file);
        // Too short for the checkpoint, and not written to the end of its first page.
        Arrays.fill(bytes, 4000, bytes.length, (byte) 0);
        Files.write(file, bytes);
        assertEquals(new Finding(Optional.of(two.history()), true), check(two, otherTwo));

        put(source, two, 17);
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 8192));
        assertEquals(new Finding(Optional.empty(), true), check(two, two));

        // What was written of it is the same, but it may be that the rest will not be.
        byte[] part = Arrays.copyOf(Files.readAllBytes(file), 8192);
        Arrays.fill(part, 4000, part.length, (byte) 0);
        Files.write(file, part);
        assertEquals(new Finding(Optional.empty(), false), check(two, two));

        // A file that was recycled for later has an old segment's bytes.
        Files.write(file, Arrays.copyOf(otherTwo.segment(16), 8192));
        assertEquals(new Finding(Optional.empty(), false), check(two, two));
    }

    @Test
    void onTheFirstTimelineThereIsNoNumberToTake() throws IOException, RefusedException {
        put(target, first, 16);
        put(source, first, 16);
        assertEquals(new Finding(Optional.empty(), true), check(first, first));
    }

    @Test
    void aCommonCheckpointIsTheSameBytes() throws IOException, RefusedException {
        checkpoint = two.recordStarts().get(2_000);
        put(target, two, 16, 17);
        put(source, two, 16, 17);
        assertEquals(Answer.SAME, checkpoint(two, two));
        put(source, otherTwo, 16, 17);
        assertEquals(Answer.DIFFERENT, checkpoint(two, otherTwo));
        Files.delete(source.resolve("pg_wal/000000020000000000000010"));
        Files.delete(source.resolve("pg_wal/000000020000000000000011"));
        assertEquals(Answer.NOT_CHECKED, checkpoint(two, otherTwo));
    }
}
