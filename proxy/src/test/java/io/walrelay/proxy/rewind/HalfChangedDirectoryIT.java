package io.walrelay.proxy.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.LocalPostgres.StopMode;
import io.walrelay.proxy.demo.OsProcess;
import io.walrelay.proxy.demo.PostgresBinaries;
import io.walrelay.proxy.testkit.ExternalProcess;
import io.walrelay.proxy.testkit.Servers;
import io.walrelay.rewind.journal.DirectoryChange;
import io.walrelay.rewind.journal.Leftover;
import io.walrelay.rewind.journal.NotStoppedException;
import io.walrelay.rewind.journal.Space;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** PostgreSQL's servers keep out of a directory that is half changed, and say why. */
@Timeout(120)
class HalfChangedDirectoryIT {

    private static final Duration SOON = Duration.ofSeconds(30);

    /** With no more of a cluster than a server reads before it gives up: making one takes seconds, for each version. */
    @ParameterizedTest
    @MethodSource("io.walrelay.proxy.testkit.Servers#versions")
    void noServerStartsOnItAndEachSaysWhatToRun(int major, @TempDir Path temporary) throws Exception {
        // A name that has to be escaped, for the shell and for the configuration file.
        Path directory = Files.createDirectory(
                temporary.toRealPath().resolve("it's a\\place"), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Files.createFile(directory.resolve("postgresql.conf"));
        Files.writeString(directory.resolve("PG_VERSION"), "12\n");
        try (DirectoryChange change = DirectoryChange.begin(directory, Optional.empty(), new byte[0], Space.LITTLE)) {
            change.overwrite("PG_VERSION", 0, ByteBuffer.wrap(new byte[] {'1', '1'}));
        }
        assertEquals(Leftover.UNFINISHED, DirectoryChange.leftover(directory, Optional.empty()));

        String word = "'%s'".formatted(directory.toString().replace("'", "'\\''"));
        String told = "could not open configuration file \"/UNFINISHED REWIND, run: walrelay rewind -D %s\": No such file or directory".formatted(word);
        PostgresBinaries binaries = Servers.version(major);
        requireRefusal(told, binaries, "-D", directory.toString());
        requireRefusal(told, binaries, "--single", "-D", directory.toString(), "postgres");
        assertEquals(directory.toString(), run(List.of("sh", "-c", "printf %s " + word)).output());

        try (DirectoryChange change = DirectoryChange.resume(directory, Optional.empty()).orElseThrow()) {
            change.undo();
        }
        requireRefusal("The data directory was initialized by PostgreSQL version 12", binaries, "-D", directory.toString());
    }

    @Test
    void aServerKeepsOutWhileItIsBeingChangedAndStartsAfterwards(@TempDir Path temporary) throws Exception {
        try (LocalPostgres server = LocalPostgres.of(Servers.version(15)).in(temporary.resolve("server")).create()) {
            Path directory = server.dataDirectory();
            Path configuration = directory.resolve("postgresql.auto.conf");
            try (DirectoryChange change = DirectoryChange.begin(directory, Optional.empty(), new byte[0], Space.LITTLE)) {
                byte[] sentinel = Files.readAllBytes(configuration);
                // Which stops a server before it looks at the lock.
                Files.write(configuration, new byte[0]);
                String told = "lock file \"postmaster.pid\" already exists";
                requireRefusal(told, server.binaries(), "-D", directory.toString());
                requireRefusal(told, server.binaries(), "--single", "-D", directory.toString(), "postgres");
                Files.write(configuration, sentinel);
                change.commit("work_mem = '5MB'\n".getBytes(StandardCharsets.UTF_8));
            }
            server.start();
            assertEquals("5MB", server.query("SHOW work_mem"));
            assertThrows(NotStoppedException.class, () -> DirectoryChange.begin(directory, Optional.empty(), new byte[0], Space.LITTLE));
            server.stop(StopMode.FAST);
        }
    }

    private record Result(int status, String output) {}

    /** Not a child of this process: a server takes its parent's number in a lock file for a coincidence. */
    static void requireRefusal(String told, PostgresBinaries binaries, String... arguments) {
        List<String> command = new ArrayList<>(List.of("sh", "-c", "\"$@\"; exit $?", "sh"));
        command.add(binaries.program("postgres").toString());
        command.addAll(List.of(arguments));
        Result result = run(OsProcess.unprivileged(command));
        assertNotEquals(0, result.status, result.output);
        assertTrue(result.output.contains("FATAL") && result.output.contains(told), result.output);
    }

    private static Result run(List<String> command) {
        try (ExternalProcess process = ExternalProcess.start(command)) {
            int status = process.awaitExit(SOON);
            return new Result(status, process.output());
        }
    }
}
