package io.walrelay.cache;

import io.walrelay.wal.Lsn;

/**
 * Whether the byte that was asked for is held can't be told now, because the files of a fork are changing places. Whoever
 * changes the timeline wakes the readers when that is over.
 */
public final class TimelineChangingException extends Exception {

    private static final long serialVersionUID = 1;

    TimelineChangingException(Lsn at) {
        super("the relay's timeline is changing; WAL at %s can be asked for again after that".formatted(at));
    }
}
