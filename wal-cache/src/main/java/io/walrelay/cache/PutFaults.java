package io.walrelay.cache;

import io.walrelay.cache.archive.ArchivedName;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** Which files could not be archived the last time, and how long each of them rests, and everything: longer each time. Not thread-safe. */
final class PutFaults {

    private static final Duration FIRST_REST = Duration.ofSeconds(1);
    private static final Duration LONGEST_REST = Duration.ofMinutes(1);

    private record Fault(int times, long restUntil) {}

    private final Map<ArchivedName, Fault> faults = new HashMap<>();
    private int inARow;
    private long restUntil = System.nanoTime();

    void failed(ArchivedName name) {
        int before = faults.getOrDefault(name, new Fault(0, 0)).times;
        faults.put(name, new Fault(before + 1, restAfter(before)));
        restUntil = restAfter(inARow);
        inARow++;
    }

    void succeeded(ArchivedName name) {
        faults.remove(name);
        inARow = 0;
    }

    /** Forgets the others. */
    void retain(Set<ArchivedName> names) {
        faults.keySet().retainAll(names);
    }

    boolean isEmpty() {
        return faults.isEmpty();
    }

    /** Whether it failed the last time. */
    boolean has(ArchivedName name) {
        return faults.containsKey(name);
    }

    /** Whether what was tried last failed, whichever file that was. */
    boolean isFailing() {
        return inARow > 0;
    }

    /** Whether everything rests. */
    boolean isResting() {
        return System.nanoTime() - restUntil < 0;
    }

    boolean isResting(ArchivedName name) {
        Fault fault = faults.get(name);
        return fault != null && System.nanoTime() - fault.restUntil < 0;
    }

    private static long restAfter(int failures) {
        long nanos = Math.min(FIRST_REST.multipliedBy(1L << Math.min(failures, 6)).toNanos(), LONGEST_REST.toNanos());
        return System.nanoTime() + nanos / 2 + ThreadLocalRandom.current().nextLong(nanos / 2);
    }
}
