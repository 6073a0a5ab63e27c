package io.walrelay.cache;

import io.walrelay.wal.Lsn;

/** No tier holds the byte that was asked for, and that is certain: it is not a failure to look. */
public final class WalNotHeldException extends Exception {

    private static final long serialVersionUID = 1;

    private final transient Lsn at;

    WalNotHeldException(Lsn at, String message) {
        super(message);
        this.at = at;
    }

    public Lsn at() {
        return at;
    }
}
