package io.walrelay.cache;

import io.walrelay.wal.Lsn;
import java.util.List;

/** WAL that the relay never got because upstream had removed it: from {@code from}, up to and without {@code to}. Never joined over. */
public record Gap(Lsn from, Lsn to) {

    boolean contains(Lsn lsn) {
        return lsn.isAtLeast(from) && lsn.isBefore(to);
    }

    /** How far WAL from {@code at} on goes before one of {@code gaps}, at most to {@code limit}; {@code at} itself inside of one. */
    static Lsn after(List<Gap> gaps, Lsn at, Lsn limit) {
        Lsn stop = limit;
        for (Gap gap : gaps) {
            if (gap.contains(at)) {
                return at;
            }
            if (at.isBefore(gap.from) && gap.from.isBefore(stop)) {
                stop = gap.from;
            }
        }
        return stop;
    }
}
