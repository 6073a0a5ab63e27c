package io.walrelay.proxy.client;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * What the files are fetched for. PostgreSQL takes an exit status of up to 125 for "not in the archive": a standby then looks
 * elsewhere and asks again, while a recovery that is no standby's ends there and opens for writes. Above 125 its startup process
 * gives up, which stops a recovery, but also a standby with all its readers (PostgreSQL: xlogarchive.c, RestoreArchivedFile).
 */
public enum RestoreMode {
    /** standby.signal: asks again for ever. */
    STANDBY(1, 0),
    /** recovery.signal: absent means the end of WAL. */
    PITR(126, 2),
    /** pg_rewind, which takes every status but 0 for a failure. */
    REWIND(126, 2);

    private final int couldNotLook;
    private final int retries;

    RestoreMode(int couldNotLook, int retries) {
        this.couldNotLook = couldNotLook;
        this.retries = retries;
    }

    /** As the data directory says: PostgreSQL and pg_rewind run commands in it. Of two signal files standby.signal counts. */
    public static RestoreMode in(Path dataDirectory) {
        return Files.exists(dataDirectory.resolve("standby.signal")) ? STANDBY : PITR;
    }

    /** The exit status when nobody could say whether the file exists, or it is not of the lineage that was asked for. */
    public int couldNotLook() {
        return couldNotLook;
    }

    /** Rounds after the first, unless told otherwise. */
    public int retries() {
        return retries;
    }

    /** As the relay's {@code mode=} takes it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
