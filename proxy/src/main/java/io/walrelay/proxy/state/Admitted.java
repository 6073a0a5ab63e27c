package io.walrelay.proxy.state;

import java.util.concurrent.atomic.AtomicInteger;

/** The sessions that are let in, of all kinds, those that still log in included. Thread-safe. */
public final class Admitted {

    private final AtomicInteger all = new AtomicInteger();
    private final AtomicInteger standbys = new AtomicInteger();

    /** Of {@code all} sessions that there may be, those that are no standbys' (forwarded ones, the console's) leave a quarter free. */
    public static int limitOfOthers(int all) {
        return all - all / 4;
    }

    /** Whether one more may come in, {@code limit} being how many there may be of all kinds then. Each success is paid back by {@link #leave}. */
    public boolean tryEnter(boolean standby, int limit) {
        if (all.incrementAndGet() > limit) {
            all.decrementAndGet();
            return false;
        }
        if (standby) {
            standbys.incrementAndGet();
        }
        return true;
    }

    public void leave(boolean standby) {
        all.decrementAndGet();
        if (standby) {
            standbys.decrementAndGet();
        }
    }

    /** Those that stream WAL, or will. */
    public int standbys() {
        return standbys.get();
    }

    /** All the others. */
    public int others() {
        return Math.max(all.get() - standbys.get(), 0);
    }
}
