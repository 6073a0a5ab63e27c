package io.walrelay.rewind;

import io.walrelay.rewind.plan.HeldChanges;
import io.walrelay.rewind.plan.MergedChanges;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The change index of one of several: of the first that knows any of the segments that it is asked for. From then on nobody else is asked: what another has
 * under the same names may be other bytes, and what it says of them must not count for those that the first one's were compared with.
 *
 * <p>{@link #changes} may be asked on another thread than the rest.
 */
final class OneIndex implements HeldChanges {

    private record Chosen(HeldWal relay, HeldChanges index) {}

    /** Asks one. */
    private interface Question<T> {
        Optional<T> ask(HeldChanges index) throws IOException;
    }

    private final List<Chosen> all;
    private volatile @Nullable Chosen chosen;

    OneIndex(List<HeldWal> relays, TimelineHistory lineage) {
        this.all = relays.stream().map(relay -> new Chosen(relay, relay.changesAlong(lineage))).toList();
    }

    /** Whether it is that of {@code relay}. */
    boolean isOf(HeldWal relay) {
        Chosen one = chosen;
        return one != null && one.relay.equals(relay);
    }

    @Override
    public List<Segment> segments(Lsn from, Lsn to) throws IOException {
        return choose(index -> Optional.of(index.segments(from, to)).filter(segments -> !segments.isEmpty())).orElse(List.of());
    }

    @Override
    public Optional<Segment> beginning(Lsn to) throws IOException {
        return choose(index -> index.beginning(to));
    }

    private <T> Optional<T> choose(Question<T> question) throws IOException {
        Chosen one = chosen;
        if (one != null) {
            return question.ask(one.index);
        }
        IOException fault = null;
        for (Chosen candidate : all) {
            try {
                Optional<T> answer = question.ask(candidate.index);
                if (answer.isPresent()) {
                    chosen = candidate;
                    return answer;
                }
            } catch (IOException e) {
                fault = e;
            }
        }
        if (fault != null) {
            throw fault;
        }
        return Optional.empty();
    }

    /** Nothing of which no segment was asked for: then nothing was compared, either. */
    @Override
    public Optional<MergedChanges> changes(Lsn from, Optional<Lsn> to) throws IOException {
        Chosen one = chosen;
        return one == null ? Optional.empty() : one.index.changes(from, to);
    }
}
