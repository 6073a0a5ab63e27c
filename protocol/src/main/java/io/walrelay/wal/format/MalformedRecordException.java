package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;

/** A record that is not of the form that its version's records have: damage, or another program's. Nothing else is thrown for what a record's bytes say. */
public final class MalformedRecordException extends Exception {

    private static final long serialVersionUID = 1;

    private final transient Lsn at;

    MalformedRecordException(Lsn at, String problem) {
        super("record at %s: %s".formatted(at, problem));
        this.at = at;
    }

    /** Where the record starts. */
    public Lsn at() {
        return at;
    }
}
