package io.walrelay.proxy.standby;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixSocketFileTest {

    @TempDir
    private Path directory;

    @Test
    void liesWhereLibpqLooksForIt() {
        assertEquals(directory.resolve(".s.PGSQL.6433"), UnixSocketFile.in(directory, 6433).path());
    }

    @Test
    void whatAKilledServerHasLeftGoesAndWhatAnotherOneUsesStays() throws Exception {
        UnixSocketFile file = UnixSocketFile.in(directory, 1);
        file.makeRoom();
        try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            other.bind(UnixDomainSocketAddress.of(file.path()));
            String message = String.valueOf(assertThrows(IOException.class, file::makeRoom).getMessage());
            assertTrue(message.contains("another server listens on " + file.path()), message);
            assertTrue(Files.exists(file.path()));
        }
        assertTrue(Files.exists(file.path()), "it is closed, and its file is still there");
        file.makeRoom();
        assertFalse(Files.exists(file.path()));
    }

    @Test
    void aFileThatIsNoSocketIsNobodysToRemove() throws Exception {
        UnixSocketFile file = UnixSocketFile.in(directory, 1);
        Files.writeString(file.path(), "precious");
        String message = String.valueOf(assertThrows(IOException.class, file::makeRoom).getMessage());
        assertTrue(message.contains("no socket"), message);
        assertEquals("precious", Files.readString(file.path()));
        assertFalse(Files.exists(lock()), "the lock is for others to take");
    }

    private Path lock() {
        return directory.resolve(".s.PGSQL.1.lock");
    }

    /** What PostgreSQL reads of it before it removes a socket. */
    @Test
    void itsLockSaysWhoseItIsWhileItIsThere() throws Exception {
        UnixSocketFile file = UnixSocketFile.in(directory, 1);
        file.makeRoom();
        List<String> lines = Files.readAllLines(lock());
        assertEquals(List.of(Long.toString(ProcessHandle.current().pid()), "1"), List.of(lines.get(0), lines.get(3)));
        Files.createFile(file.path());
        file.remove();
        assertFalse(Files.exists(lock()));
        assertFalse(Files.exists(file.path()));
    }

    @Test
    void theLockOfAServerThatRunsIsKeptAndOfOneThatEndedTaken() throws Exception {
        UnixSocketFile file = UnixSocketFile.in(directory, 1);
        Process other = new ProcessBuilder("sleep", "60").start();
        String text = "%d\n/srv/data\n1\n1\n\n".formatted(other.pid());
        try {
            Files.writeString(lock(), text);
            String message = String.valueOf(assertThrows(IOException.class, file::makeRoom).getMessage());
            assertTrue(message.contains("process %d".formatted(other.pid())), message);
            assertEquals(text, Files.readString(lock()));
        } finally {
            other.destroyForcibly().waitFor();
        }
        file.makeRoom();
        assertTrue(Files.readString(lock()).startsWith(ProcessHandle.current().pid() + "\n"));
    }

    @Test
    void whatAnotherServerHasTakenOverStays() throws Exception {
        UnixSocketFile file = UnixSocketFile.in(directory, 1);
        file.makeRoom();
        Files.writeString(lock(), "1\n");
        Files.createFile(file.path());
        file.remove();
        file.giveBack();
        assertTrue(Files.exists(file.path()));
        assertEquals("1\n", Files.readString(lock()));
        Files.writeString(lock(), "");
        String message = String.valueOf(assertThrows(IOException.class, file::makeRoom).getMessage());
        assertTrue(message.contains("does not begin with the number of a process"), message);
    }
}
