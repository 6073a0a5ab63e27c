package io.walrelay.rewind;

import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** An index of whose faults nothing comes but that WAL is read: the first is said, and then it is asked no more. Confined to one thread. */
final class IndexIfAny implements HeldChanges {

    private final HeldChanges index;
    private final RewindListener listener;
    private boolean failed;

    IndexIfAny(HeldChanges index, RewindListener listener) {
        this.index = index;
        this.listener = listener;
    }

    @Override
    public List<Segment> segments(Lsn from, Lsn to) {
        try {
            return failed ? List.of() : index.segments(from, to);
        } catch (IOException e) {
            fail(e);
            return List.of();
        }
    }

    @Override
    public Optional<Segment> beginning(Lsn to) {
        try {
            return failed ? Optional.empty() : index.beginning(to);
        } catch (IOException e) {
            fail(e);
            return Optional.empty();
        }
    }

    @Override
    public Optional<MergedChanges> changes(Lsn from, Optional<Lsn> to) {
        try {
            Optional<MergedChanges> changes = failed ? Optional.empty() : index.changes(from, to);
            if (changes.isPresent()) {
                requireAllAskedFor(changes.get().end(), from, to);
            }
            return changes;
        } catch (IOException e) {
            fail(e);
            return Optional.empty();
        }
    }

    /** Whoever asks to the end of what is held asks for a record at least. */
    private static void requireAllAskedFor(Lsn end, Lsn from, Optional<Lsn> to) throws IOException {
        boolean all = to.map(end::equals).orElse(end.isAfter(from));
        if (!all) {
            throw new IOException("it was asked for what changes from %s on%s, and has answered up to %s".formatted(from, to.map(" up to %s"::formatted).orElse(""), end));
        }
    }

    private void fail(IOException e) {
        failed = true;
        listener.info("warning: the relay's change index can't be used, so WAL is read: %s".formatted(e.getMessage()));
    }
}
