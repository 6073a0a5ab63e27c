package io.walrelay.cache.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The fake itself: everything POSIX allows happens with some seed, and nothing else with any. */
class CrashableStorageTest {

    private final CrashableStorage disk = new CrashableStorage();

    @Test
    void anUnsyncedFileMayBeGoneEmptyTornOrWhole() throws Exception {
        disk.create("a").write(ByteBuffer.wrap(filled(1024, 'x')), 0);
        assertEquals(Set.of("gone", "empty", "..", ".x", "x.", "xx"), outcomes("a"));
    }

    @Test
    void aSyncedFileMayHaveNoNameButNoOtherContent() throws Exception {
        write("a", 'x');
        assertEquals(Set.of("gone", "xx"), outcomes("a"));
        disk.syncDirectory("");
        assertEquals(Set.of("xx"), outcomes("a"));
    }

    @Test
    void anUnsyncedOverwriteMixesSectorsOfOldAndNew() throws Exception {
        write("a", 'x');
        disk.syncDirectory("");
        disk.open("a").write(ByteBuffer.wrap(filled(1024, 'y')), 0);
        assertEquals(Set.of("xx", "xy", "yx", "yy"), outcomes("a"));
    }

    @Test
    void anUnsyncedRenameReplacesOrDoesNot() throws Exception {
        write("a", 'x');
        write("b", 'y');
        disk.syncDirectory("");
        disk.rename("b", "a");
        assertEquals(Set.of("xx", "yy"), outcomes("a"));
        assertEquals(Set.of("gone", "yy"), outcomes("b"));
        disk.syncDirectory("");
        assertEquals(Set.of("yy"), outcomes("a"));
        assertEquals(Set.of("gone"), outcomes("b"));
    }

    @Test
    void aFailedSyncIsNotMadeGoodByTheNext() throws Exception {
        write("a", 'x');
        disk.syncDirectory("");
        try (Storage.File file = disk.open("a")) {
            file.write(ByteBuffer.wrap(filled(1024, 'y')), 0);
            disk.failNextSync("a"::equals);
            assertThrows(IOException.class, file::sync);
            file.sync();
            assertEquals(Set.of("xx", "xy", "yx", "yy"), outcomes("a"));
            file.write(ByteBuffer.wrap(filled(1024, 'y')), 0);
            file.sync();
            assertEquals(Set.of("yy"), outcomes("a"));
        }
    }

    @Test
    void aDeadMachineAnswersNothing() throws Exception {
        disk.crashBeforeOperation(1);
        assertThrows(CrashableStorage.CrashedException.class, () -> disk.create("a"));
        assertThrows(CrashableStorage.CrashedException.class, () -> disk.exists("a"));
    }

    private void write(String path, char c) throws IOException {
        try (Storage.File file = disk.create(path)) {
            file.write(ByteBuffer.wrap(filled(1024, c)), 0);
            file.sync();
        }
    }

    private Set<String> outcomes(String path) throws IOException {
        Set<String> seen = new TreeSet<>();
        for (long seed = 0; seed < 300; seed++) {
            seen.add(look(disk.copyAfterCrash(seed), path));
        }
        return seen;
    }

    private static String look(Storage after, String path) throws IOException {
        if (!after.exists(path)) {
            return "gone";
        }
        StringBuilder sectors = new StringBuilder();
        byte[] bytes = new DurableFiles(after).readPlain(path).orElseThrow();
        for (int at = 0; at < bytes.length; at += 512) {
            sectors.append(bytes[at] == 0 ? '.' : (char) bytes[at]);
        }
        return sectors.isEmpty() ? "empty" : sectors.toString();
    }

    private static byte[] filled(int length, char c) {
        byte[] bytes = new byte[length];
        java.util.Arrays.fill(bytes, (byte) c);
        return bytes;
    }
}
