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
        UnixSocketFile file = new UnixSocketFile(Files.writeString(directory.resolve(".s.PGSQL.1"), "precious"));
        String message = String.valueOf(assertThrows(IOException.class, file::makeRoom).getMessage());
        assertTrue(message.contains("no socket"), message);
        assertEquals("precious", Files.readString(file.path()));
    }
}
