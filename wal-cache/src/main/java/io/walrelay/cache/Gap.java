package io.walrelay.cache;

import io.walrelay.wal.Lsn;

/** WAL that the relay never got because upstream had removed it: from {@code from}, up to and without {@code to}. Never joined over. */
public record Gap(Lsn from, Lsn to) {

    boolean contains(Lsn lsn) {
        return lsn.isAtLeast(from) && lsn.isBefore(to);
    }
}
