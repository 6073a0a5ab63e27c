package io.walrelay.rewind;

import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.wal.Lsn;
import java.util.List;
import java.util.Optional;

/** An index that is asked for changes, and knows of no segments. */
@FunctionalInterface
interface OnlyChanges extends HeldChanges {

    @Override
    default List<Segment> segments(Lsn from, Lsn to) {
        return List.of();
    }

    @Override
    default Optional<Segment> beginning(Lsn to) {
        return Optional.empty();
    }
}
