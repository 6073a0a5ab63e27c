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

    /** Where PostgreSQL wants a history, from the data directory. */
    private static final Path RECOVERED_HISTORY = Path.of("pg_wal", "RECOVERYHISTORY");

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

    /**
     * As {@link #in(Path)}, for one file. A server that is promoted, or whose recovery has ended, takes its signal file away, and only then asks for the
     * history of the timeline that it leaves (xlog.c, StartupXLOG; timeline.c, writeTimeLineHistory). A status above 125 would end it there, and without a
     * signal file it would come up again on that timeline, beside whoever else has it. So that asks as a standby, if PostgreSQL can do without: where
     * pg_wal has that history, or it is the first timeline's, which has none.
     */
    public static RestoreMode in(Path dataDirectory, String name, Path path) {
        boolean recovers = Files.exists(dataDirectory.resolve("recovery.signal"));
        boolean dispensable = name.equals("00000001.history") || Files.exists(dataDirectory.resolve("pg_wal").resolve(name));
        return !recovers && dispensable && path.equals(RECOVERED_HISTORY) ? STANDBY : in(dataDirectory);
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
