package io.walrelay.rewind;

import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Changes for which is asked before it is known whether they are needed, so that whoever knows them looks while something else is done. Confined to one thread. */
final class AskedAhead implements HeldChanges {

    private record Question(Lsn from, Optional<Lsn> to) {
        boolean is(Lsn otherFrom, Optional<Lsn> otherTo) {
            return from.equals(otherFrom) && to.equals(otherTo);
        }
    }

    private final HeldChanges index;
    private @Nullable Question question;
    private @Nullable Ahead<Optional<MergedChanges>> answer;

    AskedAhead(HeldChanges index) {
        this.index = index;
    }

    /** Asks on another thread for what {@link #changes} will be asked for. */
    void ask(Lsn from, Optional<Lsn> to) {
        question = new Question(from, to);
        answer = Ahead.ask("what changes from %s on".formatted(from), () -> index.changes(from, to));
    }

    @Override
    public List<Segment> segments(Lsn from, Lsn to) throws IOException {
        return index.segments(from, to);
    }

    @Override
    public Optional<Segment> beginning(Lsn to) throws IOException {
        return index.beginning(to);
    }

    @Override
    public Optional<MergedChanges> changes(Lsn from, Optional<Lsn> to) throws IOException {
        Ahead<Optional<MergedChanges>> asked = answer;
        boolean isAsked = question != null && question.is(from, to);
        // Of many blocks an answer is large, and nobody asks twice.
        question = null;
        answer = null;
        if (asked == null) {
            return index.changes(from, to);
        }
        // One that was asked for in vain is waited for all the same: a relay merges for few at a time.
        if (isAsked) {
            return asked.get();
        }
        asked.close();
        return index.changes(from, to);
    }
}
