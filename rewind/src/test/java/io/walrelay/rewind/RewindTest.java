package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.LastRewind;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.journal.Space;
import io.walrelay.rewind.plan.SkippedBlocks;
import io.walrelay.rewind.source.DirectorySource;
import io.walrelay.rewind.source.RewindSource;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A dry run over what an earlier rewind left. */
class RewindTest {

    @TempDir
    private Path temporary;

    private final List<String> told = new ArrayList<>();

    private void dryRun(Path target) throws IOException, RefusedException {
        dryRun(target, new ChangingSource());
    }

    private RewindReport dryRun(Path target, RewindSource source) throws IOException, RefusedException {
        RewindRequest request = new RewindRequest(
                target, true, false, Optional.empty(), true, Optional.empty(), Optional.empty(), false, Optional.empty(), Map.of());
        return new Rewind(request, source, new RewindListener() {
            @Override
            public void info(String message) {
                told.add(message);
            }

            @Override
            public void debug(String message) {
                told.add(message);
            }

            @Override
            public void progress(long fetched, long expected) {
                throw new AssertionError("nothing is fetched");
            }
        }).run();
    }

    @Test
    void aRewindThatWasNotFinishedIsRefused() throws IOException {
        Path target = Files.createDirectory(temporary.resolve("target"));
        DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE).close();
        RefusedException refused = assertThrows(RefusedException.class, () -> dryRun(target));
        assertTrue(String.valueOf(refused.getMessage()).endsWith("was not finished"), refused.getMessage());
        assertEquals(Leftover.UNFINISHED, DirectoryChange.leftover(target, Optional.empty()));
    }

    /** Where it has to begin to replay is nowhere in its WAL. */
    @Test
    void aBaseBackupThatWasNeverRecoveredIsRefused() throws IOException, RefusedException {
        Path target = temporary.resolve("target");
        Path source = temporary.resolve("source");
        new StoppedClusters(1).write(target, source);
        Files.writeString(
                target.resolve("backup_label"),
                """
                START WAL LOCATION: 0/1000028 (file 000000010000000000000010)
                CHECKPOINT LOCATION: 0/1000060
                BACKUP METHOD: streamed
                BACKUP FROM: primary
                START TIME: 2026-01-02 03:04:05 UTC
                LABEL: weekly
                START TIMELINE: 1
                """);
        RefusedException refused = assertThrows(RefusedException.class, () -> dryRun(target, new DirectorySource(source)));
        assertEquals("the target is a base backup (weekly) that was never recovered: it has a backup_label", refused.getMessage());
        assertEquals(Optional.of("Start it once as a standby and stop it, or take a new base backup."), refused.hint());
    }

    /** A server that was stopped while it recovered: at or before where the last rewind's blocks are written, or past that. */
    @Test
    void whatTheLastRewindLeftCountsUntilItIsReplayed() throws IOException, RefusedException {
        Path target = temporary.resolve("target");
        Path source = temporary.resolve("source");
        new StoppedClusters(1).write(target, source);
        Path control = target.resolve(ControlFile.PATH);
        ControlFile stopped = ControlFile.parse("target", Files.readAllBytes(control));
        Lsn end = stopped.checkpoint();
        Files.write(control, stopped.inRecoveryUpTo(end, new TimelineId(1)).bytes());
        long without = changedBlocks(target, source);
        BitSet blocks = new BitSet();
        blocks.set(0, 12);

        leaveNote(target, new SkippedBlocks(Map.of("base/5/16385", blocks)).encode(end));
        long before = changedBlocks(target, source);
        leaveNote(target, new SkippedBlocks(Map.of("base/5/16385", blocks)).encode(new Lsn(end.value() - 1)));

        assertTrue(before > without, () -> "%d blocks, and %d with the note".formatted(without, before));
        assertEquals(without, changedBlocks(target, source));
    }

    private long changedBlocks(Path target, Path source) throws IOException, RefusedException {
        return dryRun(target, new DirectorySource(source)).plan().orElseThrow().changedBlocks();
    }

    private static void leaveNote(Path target, byte[] note) throws IOException {
        try (DirectoryChange change = DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE)) {
            new LastRewind(note).write(change);
            change.commit(change.configuration().orElse(new byte[0]));
        }
    }

    /** It comes as far as the target's control file, which is not there. */
    @Test
    void whatAFinishedOneLeftIsSaidAndStays() throws IOException {
        Path target = Files.createDirectory(temporary.resolve("target"));
        Files.createDirectory(temporary.resolve("target.walrelay-rewind"));
        assertThrows(NoSuchFileException.class, () -> dryRun(target));
        assertEquals(List.of("an earlier rewind was finished, and only what kept the old state was not removed"), told);
        assertEquals(Leftover.FINISHED, DirectoryChange.leftover(target, Optional.empty()));
    }
}
