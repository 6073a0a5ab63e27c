package io.walrelay.proxy.state;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** The replication sessions of the moment. Thread-safe: each session registers a way to look at itself. */
public final class Standbys {

    private final Map<Integer, Supplier<StandbyStatus>> sessions = new ConcurrentHashMap<>();
    private long sentByThoseWhoLeft;

    /** {@code look} may be called by any thread at any time until {@link #leave}. */
    public void join(int pid, Supplier<StandbyStatus> look) {
        sessions.put(pid, look);
    }

    public synchronized void leave(int pid) {
        Supplier<StandbyStatus> left = sessions.remove(pid);
        if (left != null) {
            sentByThoseWhoLeft += left.get().sentBytes();
        }
    }

    /** Bytes of WAL that all sessions were sent since the start; never falls. */
    public synchronized long sentBytes() {
        return sentByThoseWhoLeft + sessions.values().stream().mapToLong(look -> look.get().sentBytes()).sum();
    }

    public int count() {
        return sessions.size();
    }

    /** By name, then by pid. */
    public List<StandbyStatus> all() {
        return sessions.values().stream()
                .map(Supplier::get)
                .sorted(Comparator.comparing(StandbyStatus::name).thenComparingInt(StandbyStatus::pid))
                .toList();
    }
}
