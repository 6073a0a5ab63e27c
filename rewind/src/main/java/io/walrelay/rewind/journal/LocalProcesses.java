package io.walrelay.rewind.journal;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** The processes that the operating system shows us. Thread-safe. */
final class LocalProcesses implements DirectoryLock.Processes {

    /** Where Linux lists System V shared memory; other systems list it nowhere. */
    private static final Path SEGMENTS = Path.of("/proc/sysvipc/shm");

    private static final int ID_COLUMN = 1;
    private static final int ATTACHED_COLUMN = 6;

    @Override
    public long self() {
        return ProcessHandle.current().pid();
    }

    @Override
    public boolean mayBeServer(long pid) {
        return !isOurs(pid) && ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent() && isOurUsers(pid);
    }

    /** In a container that was started again, the number of a server that is gone may be ours or our shell's (miscinit.c thinks so, too). */
    private static boolean isOurs(long pid) {
        ProcessHandle us = ProcessHandle.current();
        Optional<ProcessHandle> parent = us.parent();
        Optional<ProcessHandle> grandparent = parent.flatMap(ProcessHandle::parent);
        return Stream.of(Optional.of(us), parent, grandparent).flatMap(Optional::stream).anyMatch(process -> process.pid() == pid);
    }

    /** Whether we could signal it; a server that we could not would not run on a directory of ours. */
    private static boolean isOurUsers(long pid) {
        Optional<String> us = ProcessHandle.current().info().user();
        Optional<String> them = ProcessHandle.of(pid).flatMap(process -> process.info().user());
        return us.isEmpty() || them.isEmpty() || us.equals(them) || us.get().equals("root");
    }

    @Override
    public boolean attached(long sharedMemoryId) throws IOException {
        try {
            return Files.readAllLines(SEGMENTS, StandardCharsets.US_ASCII).stream()
                    .skip(1)
                    .map(line -> line.strip().split("\\s+", -1))
                    .anyMatch(columns -> columns.length > ATTACHED_COLUMN
                            && columns[ID_COLUMN].equals(Long.toString(sharedMemoryId))
                            && !columns[ATTACHED_COLUMN].equals("0"));
        } catch (NoSuchFileException otherSystem) {
            return false;
        }
    }
}
