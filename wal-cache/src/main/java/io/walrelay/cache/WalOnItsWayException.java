package io.walrelay.cache;

import io.walrelay.wal.Lsn;
import java.util.concurrent.CompletionStage;

/** The byte that was asked for is being fetched from the archive: ask again when that is done, however it ended. */
public final class WalOnItsWayException extends Exception {

    private static final long serialVersionUID = 1;

    private final transient CompletionStage<?> arrival;

    WalOnItsWayException(Lsn at, CompletionStage<?> arrival) {
        super("WAL at %s is being fetched from the archive".formatted(at), null, false, false);
        this.arrival = arrival;
    }

    /** Completed, by a thread that must not be kept, when asking again makes sense. */
    public CompletionStage<?> arrival() {
        return arrival;
    }
}
