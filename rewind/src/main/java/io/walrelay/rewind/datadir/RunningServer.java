package io.walrelay.rewind.datadir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Whether a server has a data directory, as its lock file says (PostgreSQL: miscinit.c, CreateLockFile). */
public final class RunningServer {

    private RunningServer() {}

    /** The process that has it; empty when there is none. A single-user server's number is negative in the file. */
    public static Optional<Long> on(DataDirectory directory) throws IOException {
        Optional<byte[]> file = directory.readIfThere("postmaster.pid");
        return file.flatMap(bytes -> new String(bytes, StandardCharsets.UTF_8).lines().findFirst())
                .filter(line -> line.strip().matches("-?[0-9]{1,18}"))
                .map(line -> Math.abs(Long.parseLong(line.strip())))
                .filter(pid -> ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    }

    /** @throws RefusedException when a server has it */
    public static void requireNone(DataDirectory directory) throws IOException, RefusedException {
        Optional<Long> pid = on(directory);
        if (pid.isPresent()) {
            throw new RefusedException("target server is running: postmaster.pid in %s names process %d".formatted(directory, pid.get()),
                    "Stop it first: pg_ctl stop -D %s".formatted(directory));
        }
    }
}
