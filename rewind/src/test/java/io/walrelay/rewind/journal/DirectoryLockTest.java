package io.walrelay.rewind.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** postmaster.pid as PostgreSQL reads and writes it (miscinit.c). */
class DirectoryLockTest {

    private static final long SERVER = 123;

    @TempDir
    private Path temporary;

    private Path directory = Path.of("");
    private Path file = Path.of("");
    private boolean serverLives;
    private boolean attached;

    private final DirectoryLock.Processes processes = new DirectoryLock.Processes() {
        @Override
        public long self() {
            return 4711;
        }

        @Override
        public boolean mayBeServer(long pid) {
            return serverLives && pid == SERVER;
        }

        @Override
        public boolean attached(long sharedMemoryId) {
            return attached && sharedMemoryId == 32770;
        }
    };

    @BeforeEach
    void findDirectory() throws IOException {
        directory = temporary.toRealPath();
        file = directory.resolve("postmaster.pid");
    }

    private DirectoryLock take() throws IOException {
        return DirectoryLock.take(new PosixDisk(), directory, processes);
    }

    private void write(String... lines) throws IOException {
        Files.writeString(file, String.join("\n", lines) + "\n");
    }

    private void requireRefusal(String told) {
        String message = assertThrows(NotStoppedException.class, this::take).getMessage();
        assertTrue(message.contains(told), message);
    }

    @Test
    void itReadsAsThatOfASingleUserServer() throws Exception {
        DirectoryLock lock = take();
        List<String> lines = Files.readAllLines(file);
        assertEquals(List.of("-4711", directory.toString()), lines.subList(0, 2));
        assertEquals(List.of("0", "", ""), lines.subList(3, lines.size()));
        assertEquals(List.of(file), new PosixDisk().list(directory));
        lock.release();
        assertFalse(Files.exists(file));
    }

    @Test
    void aServerThatLivesKeepsItAndADeadOneDoesNot() throws Exception {
        serverLives = true;
        write("123", directory.toString(), "1", "5432", "/tmp", "*", "  5432001     32770", "ready");
        requireRefusal("is in use by process 123");
        write("-123", directory.toString());
        requireRefusal("is in use by process 123");
        serverLives = false;
        take().release();
    }

    @Test
    void serversThatOutliveTheirPostmasterKeepIt() throws Exception {
        attached = true;
        write("123", directory.toString(), "1", "5432", "/tmp", "*", "  5432001     32770", "ready");
        requireRefusal("shared memory 32770");
        attached = false;
        take().release();
    }

    @Test
    void aFileThatNamesNobodyMayBeOfAServerThatIsStarting() throws Exception {
        Files.createFile(file);
        requireRefusal("names no process");
        write("nobody");
        requireRefusal("names no process");
    }

    @Test
    void theSystemKnowsWhoLives() throws Exception {
        LocalProcesses system = new LocalProcesses();
        Process child = new ProcessBuilder("cat").start();
        try {
            assertTrue(system.mayBeServer(child.pid()));
        } finally {
            child.destroyForcibly().waitFor();
        }
        assertFalse(system.mayBeServer(child.pid()));
        assertFalse(system.mayBeServer(system.self()));
        assertFalse(system.attached(-1));
    }
}
