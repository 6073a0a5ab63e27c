package io.walrelay.proxy.upstream;

import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Positions.Stage;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Says when upstream keeps much WAL for standbys of the policy that are away: its slot follows what is acknowledged, and nobody need wait for a commit
 * to notice. Confined to the control thread, but for {@link #problem}.
 */
final class PinnedWal {

    private static final String KIND = "upstream-keeps-wal";

    /** What a server with PostgreSQL's default max_wal_size has in pg_wal anyway. */
    private static final long MUCH = 1L << 30;

    /** Whoever has small segments has a small disk for them. */
    private static final int MANY_SEGMENTS = 64;

    /** @param text as it was when it began, or when others were away */
    private record Told(List<String> away, String text) {}

    private final Events events;
    private Lsn atFirst = Lsn.INVALID;
    private volatile Optional<Told> told = Optional.empty();

    PinnedWal(Events events) {
        this.events = events;
    }

    /**
     * Called at each look at the host whose slot the stream uses.
     *
     * @param slot where the slot was when the stream began; {@link Lsn#INVALID} if that is not known
     */
    void look(Acknowledgement now, Lsn slot, SegmentSize size) {
        Lsn own = now.own().at(Stage.FLUSH);
        Lsn known = Lsn.max(now.positions().at(Stage.FLUSH), slot);
        if (!known.isValid() && !atFirst.isValid()) {
            atFirst = own;
        }
        Lsn kept = known.isValid() ? known : atFirst;
        List<String> away = now.missing();
        if (away.isEmpty() || own.minus(kept) <= Math.min(MUCH, (long) MANY_SEGMENTS * size.bytes())) {
            over();
        } else if (!told.map(Told::away).equals(Optional.of(away))) {
            String text = "upstream keeps WAL from %s on, %d MB, for standbys of upstream.acknowledge that are away and have not confirmed it: %s. Bring them back, take them out of the policy, or set upstream.slot-follows: own, with which the relay alone keeps it"
                    .formatted(kept, own.minus(kept) >> 20, named(away));
            told = Optional.of(new Told(away, text));
            events.warning(KIND, text);
        }
    }

    /** The stream is over. */
    void ended() {
        atFirst = Lsn.INVALID;
        told = Optional.empty();
    }

    private void over() {
        told.ifPresent(it -> events.info(KIND, "upstream no longer keeps much WAL for %s".formatted(named(it.away()))));
        told = Optional.empty();
    }

    private static String named(List<String> standbys) {
        return standbys.stream().map("\"%s\""::formatted).collect(Collectors.joining(", "));
    }

    /** What holds now. Any thread. */
    Optional<String> problem() {
        return told.map(Told::text);
    }
}
