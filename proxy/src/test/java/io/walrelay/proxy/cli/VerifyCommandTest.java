package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code walrelay verify} without a relay and without its directory: an archive is all that is left. */
class VerifyCommandTest {

    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final Lsn ORIGIN = Lsn.parse("0/1000000");

    @TempDir
    private Path directory;

    private final WalCraft one = WalCraft.begin(SEGMENT, new SystemId(7), ORIGIN, 1).randomRecords(15_000, 3000);
    private final WalCraft two = one.promoted(new TimelineId(2), one.lastRecordEndAt(ORIGIN.plus(5 << 19))).randomRecords(5000, 3000);

    private Path file(WalCraft wal, Lsn lsn) {
        String name = new WalFileName.Segment(SegmentId.at(wal.history().timeline(), lsn, SEGMENT)).fileName(SEGMENT);
        return lineage(wal).resolve(name.substring(0, 16)).resolve(name);
    }

    private Path lineage(WalCraft wal) {
        return directory.resolve(wal.systemId().toString()).resolve(wal.history().directoryName());
    }

    /** As archive_command = cp would leave it: whole segments, plain. */
    private void archive(WalCraft wal, Lsn from) throws IOException {
        Files.writeString(directory.resolve("walrelay-archive"), "this one\n");
        for (Lsn at = SEGMENT.startOf(from); SEGMENT.endOf(at).isAtMost(wal.end()); at = SEGMENT.endOf(at)) {
            Files.createDirectories(file(wal, at).getParent());
            Files.write(file(wal, at), wal.bytes(at, SEGMENT.endOf(at)));
        }
        if (!wal.history().ancestors().isEmpty()) {
            Files.writeString(lineage(wal).resolve("%08X.history".formatted(wal.history().timeline().value())), wal.history().format());
        }
    }

    private CommandRun verify(String... more) {
        List<String> arguments = new ArrayList<>(List.of("verify", "--archive", "file://" + directory, "--data", directory.resolve("nowhere").toString()));
        arguments.addAll(List.of(more));
        return CommandRun.of(arguments.toArray(String[]::new));
    }

    private static Lsn end(WalCraft wal) {
        return wal.lastRecordEndAt(SEGMENT.startOf(wal.end()));
    }

    @Test
    void saysThatNothingIsWrongAndShowsTheTree() throws IOException {
        archive(one, ORIGIN);
        archive(two, two.history().begin());
        CommandRun run = verify();
        assertEquals(0, run.status(), run::toString);
        assertTrue(run.out().contains("timeline 2  lineage %s\n  %s to %s  good\n".formatted(two.history().id(), ORIGIN, end(two))), run::out);
        assertTrue(run.out().contains("    orphan of timeline 1  lineage %s  past the fork at %s\n".formatted(one.history().id(), two.history().begin())), run::out);
        assertTrue(run.out().endsWith("; nothing is wrong\n"), run::out);
        assertEquals("", run.err());
    }

    @Test
    void aHoleIsAProblemAndRecoveryEndsThere() throws IOException {
        archive(one, ORIGIN);
        Lsn hole = ORIGIN.plus(2 << 20);
        Files.delete(file(one, hole));
        CommandRun run = verify("--format", "json");
        assertEquals(1, run.status(), run::toString);
        JsonNode report = JsonMapper.shared().readTree(run.out());
        assertEquals("gap", report.at("/problems/0/kind").asString());
        assertEquals(hole.toString(), report.at("/problems/0/from").asString());
        assertEquals(1, report.at("/problems").size());
        assertEquals("7", report.at("/system").asString());

        Lsn before = one.lastRecordEndAt(hole);
        assertEquals(0, verify("--from", ORIGIN.toString(), "--to", before.toString()).status());
        CommandRun over = verify("--from", ORIGIN.toString(), "--to", end(one).toString());
        assertEquals(1, over.status(), over::toString);
        assertTrue(over.out().contains("WOULD END at %s: WAL from %s".formatted(before, hole)), over::out);
        CommandRun quick = verify("--quick");
        assertEquals(1, quick.status(), quick::toString);
        assertTrue(quick.out().contains("only names looked at, and lengths on the local disk; 1 problem"), quick::out);
    }

    @Test
    void theTimelineOfARecoveryIsNamed() throws IOException {
        archive(one, ORIGIN);
        archive(two, two.history().begin());
        String[] range = {"--from", ORIGIN.toString(), "--to", end(one).toString()};
        assertEquals(1, verify(range).status(), "past the end of timeline 2");
        assertEquals(0, verify(range[0], range[1], range[2], range[3], "--timeline", "1").status());
        CommandRun none = verify(range[0], range[1], range[2], range[3], "--timeline", "3");
        assertEquals(2, none.status());
        assertTrue(none.err().contains("--timeline 3 is not there; expected one of: " + two.history().id()), none::err);
        assertTrue(none.out().contains("; nothing is wrong"), "what was read is told all the same");
    }

    @Test
    void theNewestLineageIsNotGuessed() throws IOException {
        archive(one, ORIGIN);
        archive(two, two.history().begin());
        Files.delete(lineage(two).resolve("00000002.history"));
        String[] range = {"--from", ORIGIN.toString(), "--to", ORIGIN.plus(1000).toString()};
        CommandRun guess = verify(range);
        assertEquals(2, guess.status(), guess::toString);
        assertTrue(guess.err().contains("expected --timeline with one of: " + one.history().id()), guess::err);
        assertTrue(guess.out().contains("PROBLEM  missing-history"), guess::out);
        assertEquals(0, verify(range[0], range[1], range[2], range[3], "--timeline", "1").status());
    }

    @Test
    void aNameIsNoProofAndSaysSo() throws IOException {
        archive(one, ORIGIN);
        CommandRun quick = verify("--quick", "--from", ORIGIN.toString(), "--to", ORIGIN.plus(1000).toString());
        assertEquals(0, quick.status(), quick::toString);
        assertTrue(quick.out().contains("has all that it needs, by name; nothing was read"), quick::out);
    }

    /** Its state file is gone: that is not a data directory that no relay has used yet. */
    @Test
    void walThatNobodySaysAnythingOfIsNotAbsent() throws IOException {
        archive(one, ORIGIN);
        Files.createDirectories(directory.resolve("nowhere/wal"));
        Files.write(directory.resolve("nowhere/wal/000000010000000000000010"), new byte[100]);
        CommandRun run = verify();
        assertEquals(2, run.status(), run::toString);
        assertTrue(run.out().contains("COULD NOT LOOK  disk: "), run::out);
    }

    @ParameterizedTest
    @ValueSource(ints = {4 << 20, 16 << 20})
    void segmentsAreAsLargeAsTheySay(int bytes) throws IOException {
        SegmentSize size = new SegmentSize(bytes);
        WalCraft wal = WalCraft.begin(size, new SystemId(7), ORIGIN, 3).randomRecords(2000, 3000).record(bytes + bytes / 2).randomRecords(2000, 3000).switchSegment();
        Files.writeString(directory.resolve("walrelay-archive"), "this one\n");
        for (Lsn at = ORIGIN; at.isBefore(wal.end()); at = size.endOf(at)) {
            String name = new WalFileName.Segment(SegmentId.at(wal.history().timeline(), at, size)).fileName(size);
            Path group = Files.createDirectories(lineage(wal).resolve(name.substring(0, 16)));
            Files.write(group.resolve(name), wal.bytes(at, size.endOf(at)));
        }
        CommandRun run = verify("--from", ORIGIN.toString(), "--to", wal.end().toString(), "--format", "json");
        assertEquals(0, run.status(), run::toString);
        assertEquals(bytes, JsonMapper.shared().readTree(run.out()).at("/segment_size").asInt());
    }

    @Test
    void whatCanNotBeLookedAtIsNeitherGoodNorBad() throws IOException {
        CommandRun noArchive = verify();
        assertEquals(2, noArchive.status());
        assertTrue(noArchive.err().contains("is no archive"), noArchive::err);
        archive(one, ORIGIN);
        assertEquals(2, verify("--to", "0/1").status(), "--from is missing");
        CommandRun backwards = verify("--from", "0/2000000", "--to", "0/1000000");
        assertEquals(2, backwards.status());
        assertTrue(backwards.err().contains("--to 0/1000000 does not come after --from 0/2000000"), backwards::err);
        assertEquals(2, verify("--system", "8").status(), "no such cluster");
        Files.createDirectories(directory.resolve("9").resolve("1@0_0-6b86b273"));
        CommandRun two = verify();
        assertEquals(2, two.status());
        assertTrue(two.err().contains("choose with --system: 7, 9"), two::err);
    }

    @Test
    void progressHasBytesRateAndTime() {
        assertEquals("looking up what there is", ProgressLines.line(0, 0, Duration.ZERO));
        assertEquals("1.0 GB of about 4.0 GB read, 102 MB/s, 30 s left", ProgressLines.line(1L << 30, 4L << 30, Duration.ofSeconds(10)));
        assertEquals("512 MB of about 1.0 TB read, 51.2 MB/s, 5 h 41 min left", ProgressLines.line(512L << 20, 1L << 40, Duration.ofSeconds(10)));
        assertEquals("2.0 GB read, 102 MB/s", ProgressLines.line(2L << 30, 1L << 30, Duration.ofSeconds(20)));
    }
}
