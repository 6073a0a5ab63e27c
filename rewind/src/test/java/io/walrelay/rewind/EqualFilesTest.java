package io.walrelay.rewind;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.rewind.datadir.DataDirectory;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.plan.FileAction;
import io.walrelay.rewind.source.DirectorySource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EqualFilesTest {

    @TempDir
    private Path directory;

    private Path write(String side, String name, byte[] content) throws IOException {
        return Files.write(Files.createDirectories(directory.resolve(side)).resolve(name), content);
    }

    private static byte[] bytes(int length, int last) {
        byte[] bytes = new byte[length];
        if (length > 0) {
            bytes[length - 1] = (byte) last;
        }
        return bytes;
    }

    @Test
    void isWhatHasTheSameBytes() throws IOException, RefusedException {
        for (String side : List.of("target", "source")) {
            boolean ours = side.equals("target");
            write(side, "same", bytes(24_576, 1));
            write(side, "empty", bytes(0, 0));
            write(side, "last byte", bytes(24_576, ours ? 1 : 2));
            write(side, "length", bytes(ours ? 8192 : 16_384, 0));
            write(side, "large", bytes(1 << 20, 0));
            write(side, ours ? "only here" : "only there", bytes(10, 0));
        }
        Files.createSymbolicLink(directory.resolve("target/only there"), directory.resolve("source/only there"));
        List<FileAction> actions = List.of(
                new FileAction.Copy("same", 24_576), new FileAction.Copy("empty", 0), new FileAction.Copy("last byte", 24_576), new FileAction.Copy("length", 16_384),
                new FileAction.Copy("large", 1 << 20), new FileAction.Copy("only there", 10), new FileAction.Remove("only here"));

        EqualFiles files = new EqualFiles(new DataDirectory(directory.resolve("target")), new DirectorySource(directory.resolve("source")));

        assertEquals(Set.of("empty", "same"), new TreeSet<>(files.among(actions)));
        assertEquals(24_576, files.fetched(), "what differs comes again, and counts then");
    }

    /** Only what has changed since it was listed differs from its size. */
    @Test
    void isNotWhatTheSourceHasMoreOrLessOfByNow() throws IOException, RefusedException {
        ChangingSource source = new ChangingSource();
        for (String name : List.of("grown", "cut", "gone", "still the same")) {
            write("target", name, bytes(8192, 1));
        }
        source.put("grown", bytes(8193, 0));
        source.put("cut", bytes(100, 0));
        source.put("still the same", bytes(8192, 1));
        List<FileAction> actions = List.of(new FileAction.Copy("grown", 8192), new FileAction.Copy("cut", 8192), new FileAction.Copy("gone", 8192), new FileAction.Copy("still the same", 8192));

        assertEquals(Set.of("still the same"), new EqualFiles(new DataDirectory(directory.resolve("target")), source).among(actions));
    }
}
