package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Space;
import io.walrelay.rewind.plan.Divergence;
import io.walrelay.rewind.plan.FileAction;
import io.walrelay.rewind.plan.FileAction.CopyBlocks;
import io.walrelay.rewind.plan.FileAction.Range;
import io.walrelay.rewind.plan.FileAction.Truncate;
import io.walrelay.rewind.plan.ReplayStart;
import io.walrelay.rewind.plan.RewindPlan;
import io.walrelay.rewind.plan.SkippedBlocks;
import io.walrelay.rewind.source.ControlFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ActTest {

    private static final int MB = 1 << 20;

    @TempDir
    private Path temporary;

    private Path target = Path.of("");
    private final ChangingSource source = new ChangingSource();

    @BeforeEach
    void makeTarget() throws IOException {
        target = Files.createDirectories(temporary.resolve("target"));
        Files.createDirectory(target.resolve("base"));
    }

    private static RewindPlan plan(FileAction... actions) throws RefusedException {
        TimelineId one = new TimelineId(1);
        ReplayStart start = new ReplayStart(Lsn.parse("0/3000028"), Lsn.parse("0/3000060"), one, ReplayStart.Reason.COMMON);
        TimelineHistory ours = TimelineHistory.root(one);
        Divergence divergence = Divergence.between(ours, ours.promoted(new TimelineId(2), Lsn.parse("0/4000000"), "")).orElseThrow();
        return new RewindPlan(divergence, start, start, Lsn.parse("0/5000000"), 0, 0, List.of(actions), 0, List.of(), List.of(), Optional.empty(),
                new SkippedBlocks(Map.of()), Lsn.INVALID);
    }

    private void act(FileAction... actions) throws IOException, RefusedException {
        try (DirectoryChange change = DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE)) {
            new Act(plan(actions), source, change, new DataDirectory(target), Silent.LISTENER).files();
            change.commit(new byte[0]);
        }
    }

    /** Its blocks come in one group of actions and its truncation in a later one, when it is gone. */
    @Test
    void whatTheSourceDropsMeanwhileIsGoneForAllThatFollows() throws IOException, RefusedException {
        Files.write(target.resolve("base/dropped"), new byte[5 * 8192]);
        Files.write(target.resolve("base/cut"), new byte[5 * 8192]);

        act(
                new CopyBlocks("base/dropped", List.of(new Range(0, 8192))),
                // By its size it begins another group.
                new Truncate("base/cut", 1L << 30, 8192),
                new Truncate("base/dropped", 5 * 8192, 8192));

        assertFalse(Files.exists(target.resolve("base/dropped")));
        assertEquals(8192, Files.size(target.resolve("base/cut")));
    }

    @Test
    void whatIsClearedIsZerosToItsEndHoweverMuchItIs() throws IOException, RefusedException {
        byte[] segment = new byte[5 * MB];
        Arrays.fill(segment, (byte) 7);
        Files.write(target.resolve("base/segment"), segment);

        act(new FileAction.Clear("base/segment", 1000, segment.length));

        Arrays.fill(segment, 1000, segment.length, (byte) 0);
        assertArrayEquals(segment, Files.readAllBytes(target.resolve("base/segment")));
    }

    /** What a server reads when it starts is there at each moment, and as it was again when all is put back. */
    @Test
    void configurationIsWrittenIntoTheFileThatIsThere() throws IOException, RefusedException {
        byte[] ours = "port = 5432\nshared_buffers = 128MB\n".getBytes(StandardCharsets.UTF_8);
        byte[] shorter = "port = 1\n".getBytes(StandardCharsets.UTF_8);
        byte[] longer = "include 'more.conf'\nport = 5433\nshared_buffers = 256MB\n".getBytes(StandardCharsets.UTF_8);
        for (byte[] theirs : List.of(shorter, longer)) {
            Files.write(target.resolve("a.conf"), ours);
            source.put("a.conf", theirs);
            FileAction rewrite = new FileAction.Rewrite("a.conf", ours.length, theirs.length);
            try (DirectoryChange change = DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE)) {
                Object file = Files.readAttributes(target.resolve("a.conf"), BasicFileAttributes.class).fileKey();
                new Act(plan(rewrite), source, change, new DataDirectory(target), Silent.LISTENER).files();
                assertArrayEquals(theirs, Files.readAllBytes(target.resolve("a.conf")));
                assertEquals(file, Files.readAttributes(target.resolve("a.conf"), BasicFileAttributes.class).fileKey(), "the same file");
                change.undo();
            }
            assertArrayEquals(ours, Files.readAllBytes(target.resolve("a.conf")));
            act(rewrite);
            assertArrayEquals(theirs, Files.readAllBytes(target.resolve("a.conf")));
        }
        Files.write(target.resolve("gone.conf"), ours);
        act(new FileAction.Rewrite("gone.conf", ours.length, 5));
        assertFalse(Files.exists(target.resolve("gone.conf")));
    }

    /** Its last line is what a half changed directory is recognised by, so it would make one of this. */
    @Test
    void theConfigurationOfAHalfChangedDirectoryIsNotTaken() throws IOException, RefusedException {
        Path half = Files.createDirectory(temporary.resolve("half"));
        DirectoryChange.begin(half, Optional.empty(), new byte[0], Space.LITTLE).close();
        source.put("postgresql.auto.conf", Files.readAllBytes(half.resolve("postgresql.auto.conf")));
        try (DirectoryChange change = DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE)) {
            Act act = new Act(plan(), source, change, new DataDirectory(target), Silent.LISTENER);

            RefusedException refused = assertThrows(RefusedException.class, () -> act.configuration(Optional.empty(), true));

            assertTrue(String.valueOf(refused.getMessage()).contains("half changed"), refused.getMessage());
            assertArrayEquals("a\n".getBytes(StandardCharsets.UTF_8), act.configuration(Optional.of("a\n"), false));
            change.undo();
        }
    }

    /** As behind an address that another server has taken over. */
    @Test
    void aSourceThatBecameAnotherWhileItWasCopiedIsRefused() throws IOException, RefusedException {
        ControlFile before = ControlFileCraft.of15().read();
        source.put(ControlFile.PATH, ControlFileCraft.of15().putInt(0, 4711).bytes());
        String message = String.valueOf(refusedAfter(before).getMessage());
        assertTrue(message.startsWith("the source became another cluster while it was copied: its system identifier was 7000000000000000001 and is "), message);

        source.put(ControlFile.PATH, ControlFileCraft.of15().checkpoint(0x3000060, 0x3000028, 2).bytes());
        RefusedException promoted = refusedAfter(before);
        assertEquals("the source went from timeline 1 to 2 while it was copied", promoted.getMessage());
        assertEquals(Optional.of("Run this again."), promoted.hint());

        // Of a promotion that was known before its checkpoint is the end only.
        ControlFile known = ControlFileCraft.of15().minRecoveryPoint(0x3001000, 2).read();
        try (DirectoryChange change = DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE)) {
            Files.createDirectory(target.resolve("global"));
            Act act = new Act(plan(), source, change, new DataDirectory(target), Silent.LISTENER);
            act.recovery(act.sourceEnd(known));
            change.undo();
        }
    }

    private RefusedException refusedAfter(ControlFile before) throws IOException, RefusedException {
        try (DirectoryChange change = DirectoryChange.begin(target, Optional.empty(), new byte[0], Space.LITTLE)) {
            Act act = new Act(plan(), source, change, new DataDirectory(target), Silent.LISTENER);
            RefusedException refused = assertThrows(RefusedException.class, () -> act.sourceEnd(before));
            change.undo();
            return refused;
        }
    }

    /** A server writes its control file in place. */
    @Test
    void aControlFileThatIsTornIsReadAgain() throws IOException, RefusedException {
        byte[] whole = ControlFileCraft.of15().bytes();
        byte[] torn = whole.clone();
        torn[40] ^= 1;
        source.put(ControlFile.PATH, torn, torn, whole);
        assertEquals(ControlFile.parse("source", whole), ControlFiles.read(source));
        source.put(ControlFile.PATH, torn);
        assertThrows(RefusedException.class, () -> ControlFiles.read(source));
    }
}
