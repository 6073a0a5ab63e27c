package io.walrelay.proxy.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FileFailureTest {

    @TempDir
    private Path directory;

    @Test
    void whatIsWrongIsSaidBesideTheFilesName() throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        assertEquals(
                "could not open file \"%s/none\": no such file or directory".formatted(directory),
                FileFailure.message(Assertions.assertThrows(NoSuchFileException.class, () -> Files.readString(directory.resolve("none")))));
        assertEquals(
                "could not make \"%s\": it exists already".formatted(file),
                FileFailure.message(Assertions.assertThrows(IOException.class, () -> Files.createDirectories(file))));
        assertEquals(
                "could not use file \"/etc/key\": permission denied to system user \"%s\"".formatted(System.getProperty("user.name")),
                FileFailure.message(new AccessDeniedException("/etc/key")));
    }

    @Test
    void whatSaysItselfWhatIsWrongIsLeftAsItIs() {
        assertEquals("a: No space left on device", FileFailure.message(new FileSystemException("a", null, "No space left on device")));
        assertEquals("broken", FileFailure.message(new IOException("broken")));
        assertEquals("java.io.IOException", FileFailure.message(new IOException()));
    }
}
