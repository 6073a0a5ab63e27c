package io.walrelay.rewind.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.ControlFileCraft;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.NotStoppedException;
import io.walrelay.rewind.journal.Space;
import io.walrelay.rewind.source.RewindSource.Fetch;
import io.walrelay.rewind.source.RewindSource.ReplayEnd;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectorySourceTest {

    @TempDir
    private Path directory;

    /** Whole files and parts, as they come, put where they belong. */
    private static final class Copy implements RewindSource.Sink {
        private final ByteBuffer bytes = ByteBuffer.allocate(8 << 20);

        @Override
        public void bytes(String path, long offset, ByteBuffer chunk) {
            bytes.put((int) offset, chunk, chunk.position(), chunk.remaining());
            bytes.limit(Math.max(bytes.limit(), (int) offset + chunk.remaining()));
        }

        @Override
        public void absent(String path) {
            throw new AssertionError(path);
        }
    }

    @Test
    void filesComeWholeAndInParts() throws IOException, RefusedException {
        byte[] content = new byte[3_000_000];
        new Random(1).nextBytes(content);
        Files.write(directory.resolve("file"), content);
        Copy copy = new Copy();
        try (DirectorySource source = new DirectorySource(directory)) {
            source.fetch(List.of(new Fetch("file", 0, content.length, true)), copy);
            byte[] copied = new byte[content.length];
            copy.bytes.get(0, copied);
            assertArrayEquals(content, copied);
            assertEquals(Optional.empty(), source.read("nothing"));
            assertEquals(1_000, source.read("file", content.length - 1_000, 5_000).orElseThrow().length);
        }
    }

    @Test
    void aFileThatChangesIsRefused() throws IOException {
        Files.write(directory.resolve("file"), new byte[101]);
        try (DirectorySource source = new DirectorySource(directory)) {
            RefusedException refused = assertThrows(RefusedException.class, () -> source.fetch(List.of(new Fetch("file", 0, 100, true)), new Copy()));
            assertEquals(
                    "size of source file \"%s\" changed concurrently: 100 bytes expected, 101 copied".formatted(directory.resolve("file")), refused.getMessage());
            assertThrows(RefusedException.class, () -> source.fetch(List.of(new Fetch("file", 50, 100, false)), new Copy()));
        }
    }

    @Test
    void aDirectoryThatIsHalfRewoundItselfIsNoSource() throws IOException, RefusedException {
        Path half = Files.createDirectory(directory.resolve("half"));
        try (DirectorySource source = new DirectorySource(half)) {
            source.check();
            DirectoryChange.begin(half, Optional.empty(), new byte[0], Space.LITTLE).close();
            RefusedException refused = assertThrows(RefusedException.class, source::check);
            assertEquals(Optional.of("Finish that first, or put it back: walrelay rewind -D %s --undo".formatted(half)), refused.hint());
        }
    }

    /** Until its first checkpoint its control file says that it is stopped. */
    @Test
    void aDirectoryThatAServerHasIsNoSource() throws IOException, RefusedException, InterruptedException {
        Path lock = directory.resolve("postmaster.pid");
        Process server = new ProcessBuilder("cat").start();
        try (DirectorySource source = new DirectorySource(directory)) {
            Files.writeString(lock, "%d\n%s\n".formatted(server.pid(), directory));
            assertThrows(NotStoppedException.class, source::check);
            // In a container that was started again, a dead server's number may be ours.
            Files.writeString(lock, "%d\n%s\n".formatted(ProcessHandle.current().pid(), directory));
            source.check();
        } finally {
            server.destroyForcibly().waitFor();
        }
    }

    /** A primary's is the end of its last checkpoint's record, a standby's its minRecoveryPoint. */
    @Test
    void replayEndsWhereTheSourcesFilesDo() throws IOException, RefusedException {
        WalCraft wal = WalCraft.begin(SegmentSize.DEFAULT, new SystemId(7_000_000_000_000_000_001L), Lsn.parse("0/3000000"), 1)
                .record(100)
                .record(114)
                .record(50);
        Files.createDirectory(directory.resolve("pg_wal"));
        Files.write(directory.resolve("pg_wal/000000010000000000000003"), wal.segment(3));
        Lsn checkpoint = wal.recordStarts().get(1);
        ControlFileCraft control = ControlFileCraft.of15().checkpoint(checkpoint.value(), checkpoint.value(), 1);
        try (DirectorySource source = new DirectorySource(directory)) {
            ControlFile primary = control.read();
            assertEquals(new ReplayEnd(wal.recordEnds().get(1), new TimelineId(1)), source.replayEnd(primary, primary));
            ControlFile standby = control.state(2).minRecoveryPoint(0x3005000, 1).read();
            assertEquals(new ReplayEnd(Lsn.parse("0/3005000"), new TimelineId(1)), source.replayEnd(standby, standby));
            RefusedException refused = assertThrows(RefusedException.class, () -> source.replayEnd(primary, standby));
            assertTrue(String.valueOf(refused.getMessage()).contains("modified"));
        }
    }
}
