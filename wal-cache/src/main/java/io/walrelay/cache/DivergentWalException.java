package io.walrelay.cache;

import io.walrelay.wal.Lsn;

/** Upstream sent other bytes for a position than the relay holds: it is another history, whatever its timeline number says. */
public final class DivergentWalException extends Exception {

    private static final long serialVersionUID = 1;

    private final transient Lsn at;

    DivergentWalException(Lsn at, String message) {
        super(message);
        this.at = at;
    }

    /** The first byte that differs. */
    public Lsn at() {
        return at;
    }
}
