package io.walrelay.proxy.simulation;

import java.util.Comparator;
import java.util.PriorityQueue;

/** What happens when, in simulated nanoseconds. What is due at one time happens in the order in which it was planned, so a run can be repeated. */
final class EventQueue {

    private record Planned(long at, long number, Runnable what) {}

    private final PriorityQueue<Planned> planned = new PriorityQueue<>(Comparator.comparingLong(Planned::at).thenComparingLong(Planned::number));
    private long now;
    private long count;

    long now() {
        return now;
    }

    /** @param time not before now */
    void at(long time, Runnable what) {
        if (time < now) {
            throw new IllegalArgumentException("an event at %d ns, it is %d ns already".formatted(time, now));
        }
        planned.add(new Planned(time, count++, what));
    }

    /** Lets happen all there is, and what comes of it. */
    void run() {
        for (Planned next = planned.poll(); next != null; next = planned.poll()) {
            now = next.at;
            next.what.run();
        }
    }
}
