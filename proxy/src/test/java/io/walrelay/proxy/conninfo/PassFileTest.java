package io.walrelay.proxy.conninfo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.walrelay.protocol.message.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PassFileTest {

    private static Optional<String> find(String... lines) {
        return PassFile.parse(List.of(lines)).find(HostAddress.of("pg1", 5432), "replication", "re:p\\l").map(Secret::utf8);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "pg1:5432:replication:re\\:p\\\\l:secret | secret",
        "*:*:*:*:any | any",
        "*:*:*:*:a\\:b\\\\c | a:b\\c",
        "*:*:*:*:stops:here | stops",
        "*:*:*:*:end\\ | end\\",
        "pg1:*:replication:*:x | x",
    })
    void findsThePasswordOfALineThatFits(String line, String password) {
        assertEquals(Optional.of(password), find(line));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "pg10:*:*:*:x", "pg:*:*:*:x", "**:*:*:*:x", "*pg1:*:*:*:x", "\\*:*:*:*:x", "pg1:5433:*:*:x", "pg1:5432:postgres:*:x",
        "pg1:5432:replication:re:p\\l:x", "#*:*:*:*:x", "pg1", "pg1:5432", "pg1:5432:replication:re\\:p\\\\l", "''", "*:*:*:*:", "pg1\\:*:*:*:x",
    })
    void passesOverALineThatDoesNot(String line) {
        assertEquals(Optional.empty(), find(line));
    }

    @Test
    void lastsAtTheFirstLineThatFits() {
        assertEquals(Optional.of("first"), find("pg2:*:*:*:other", "pg1:*:*:*:first", "*:*:*:*:second"));
        assertEquals(Optional.empty(), find("pg1:*:*:*:", "*:*:*:*:second"));
    }

    @Test
    void refusesAFileThatOthersCanRead(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("pgpass");
        Files.writeString(file, "*:*:*:*:x\r\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        PassFile.Reading open = PassFile.read(file);
        assertEquals(
                Optional.of("WARNING: password file \"" + file + "\" has group or world access; permissions should be u=rw (0600) or less"),
                open.warning());
        assertEquals(Optional.empty(), open.passFile().find(HostAddress.of("h", 1), "d", "u"));

        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        PassFile.Reading closed = PassFile.read(file);
        assertEquals(Optional.empty(), closed.warning());
        assertEquals(Optional.of(Secret.utf8("x")), closed.passFile().find(HostAddress.of("h", 1), "d", "u"));
        assertFalse(closed.passFile().toString().contains("x"));
    }

    @Test
    void takesAMissingFileAsEmptyAndRefusesADirectory(@TempDir Path dir) throws IOException {
        assertEquals(Optional.empty(), PassFile.read(dir.resolve("none")).warning());
        assertEquals(Optional.of("WARNING: password file \"" + dir + "\" is not a plain file"), PassFile.read(dir).warning());
    }
}
