package io.walrelay.proxy.acknowledge;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.Comparator;
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
    private volatile boolean knownBySlot;

    Member(String name) {
        this.name = name;
    }

    /** It has a slot, which nobody else can have: from now on who merely calls itself so is somebody else. */
    void knownBySlot() {
        knownBySlot = true;
    }

    /** Whether who merely has its name speaks for it. */
    boolean countsByName() {
        return !knownBySlot;
    }

    String name() {
        return name;
    }

    private boolean counts(Said said) {
        return said.bySlot || countsByName();
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
            last = counts(said) ? Optional.of(said) : last;
            sessions.remove(pid);
        }
    }

    Standing on(TimelineHistory followed) {
        Optional<Said> speaking = speaking();
        boolean connected = speaking.filter(said -> said.caughtUp && said.positions.flush().isValid()).isPresent();
        return new Standing(name, connected, speaking.or(() -> last.filter(this::counts)).map(said -> said.on(followed)).orElse(Positions.NONE));
    }

    /**
     * The session that speaks for it: the one with its slot. Where there is no slot and several call themselves so, the one that is furthest behind: what
     * it has, they all have, whichever of them is the standby that was meant.
     */
    private Optional<Said> speaking() {
        return sessions.values().stream().filter(this::counts).min(Comparator.comparing(said -> said.positions.flush()));
    }
}
