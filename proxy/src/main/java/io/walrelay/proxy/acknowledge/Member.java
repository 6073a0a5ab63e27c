package io.walrelay.proxy.acknowledge;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** What a standby that the policy names has said, in the sessions that it has, or when it had one. Thread-safe; no call waits. */
final class Member {

    /** What one session has confirmed, and on which lineage. */
    private record Said(TimelineHistory lineage, Positions positions, boolean caughtUp, boolean bySlot) {

        Positions on(TimelineHistory followed) {
            return followed.equals(lineage) ? positions : followed.forkWith(lineage).map(positions::atMost).orElse(positions);
        }
    }

    private final String name;
    /** By process id. */
    private final Map<Integer, Said> sessions = new ConcurrentHashMap<>();
    private volatile Optional<Said> last = Optional.empty();

    Member(String name) {
        this.name = name;
    }

    /** What its slot has remembered of it over a restart of the relay: what it has flushed. */
    void remembers(TimelineHistory lineage, Lsn flushed) {
        last = Optional.of(new Said(lineage, new Positions(flushed, flushed, Lsn.INVALID), false, true));
    }

    /** Returns whether that is news. */
    boolean confirmed(int pid, boolean bySlot, TimelineHistory lineage, boolean caughtUp, Positions positions) {
        Said now = new Said(lineage, positions, caughtUp, bySlot);
        return !now.equals(sessions.put(pid, now));
    }

    void left(int pid) {
        Said said = sessions.get(pid);
        if (said != null) {
            last = Optional.of(said);
            sessions.remove(pid);
        }
    }

    Standing on(TimelineHistory followed) {
        Optional<Said> speaking = speaking();
        boolean connected = speaking.filter(said -> said.caughtUp && said.positions.flush().isValid()).isPresent();
        return new Standing(name, connected, speaking.or(() -> last).map(said -> said.on(followed)).orElse(Positions.NONE));
    }

    /**
     * The session that speaks for it: the one with its slot, which nobody else can have. Where several merely call themselves so, the one that is
     * furthest behind: what it has, they all have, whichever of them is the standby that was meant.
     */
    private Optional<Said> speaking() {
        Said chosen = null;
        for (Said said : sessions.values()) {
            boolean before = chosen == null
                    || (said.bySlot && !chosen.bySlot)
                    || (said.bySlot == chosen.bySlot && said.positions.flush().isBefore(chosen.positions.flush()));
            chosen = before ? said : chosen;
        }
        return Optional.ofNullable(chosen);
    }
}
