package io.walrelay.rewind.source;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.rewind.datadir.RefusedException;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Reads the control file of a source. */
public final class ControlFiles {

    /** As many as PostgreSQL's own programs make, with the same pause (controldata_utils.c). */
    private static final int ATTEMPTS = 10;

    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private ControlFiles() {}

    /** A server writes it while it is read, and then a part of it may be old and its checksum wrong: it is read again. */
    public static ControlFile read(RewindSource source) throws IOException, RefusedException {
        for (int attempt = 1; ; attempt++) {
            byte[] content = source.read(ControlFile.PATH)
                    .orElseThrow(() -> new RefusedException("the source, %s, has no file %s".formatted(source.describe(), ControlFile.PATH)));
            try {
                return ControlFile.parse("source", content);
            } catch (RefusedException e) {
                if (attempt == ATTEMPTS || !source.isRunning()) {
                    throw e;
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }
}
