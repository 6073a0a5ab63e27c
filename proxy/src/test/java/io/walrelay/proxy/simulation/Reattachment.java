package io.walrelay.proxy.simulation;

import java.util.Arrays;

/**
 * Standbys come to a relay that has what they have missed, and share its link evenly until they have it, beside the WAL that goes on to be written: for those that the relay
 * had before, and for those that have caught up.
 */
final class Reattachment {

    /**
     * @param bytes that were sent to those that came, until each was up to date
     * @param caughtUp when the last one was, in seconds from the loss
     */
    record Result(double bytes, double caughtUp) {}

    private Reattachment() {}

    /**
     * @param capacity of the relay's link, bytes per second
     * @param rate at which WAL is written, bytes per second
     * @param had sessions of the relay's own
     * @param attached when each of the others comes, in seconds from the loss; it has missed all since
     */
    static Result of(double capacity, double rate, int had, double[] attached) {
        double[] arrivals = attached.clone();
        Arrays.sort(arrivals);
        if ((had + arrivals.length) * rate >= capacity) {
            throw new IllegalArgumentException("%d sessions at %.0f bytes/s; expected less than %.0f bytes/s in all".formatted(had + arrivals.length, rate, capacity));
        }
        // Behind by so much; what is written meanwhile is added all the time.
        double[] behind = new double[arrivals.length];
        double now = 0;
        double bytes = 0;
        int came = 0;
        int live = had;
        while (live < had + arrivals.length) {
            int catching = came - (live - had);
            double next = came < arrivals.length ? arrivals[came] : Double.POSITIVE_INFINITY;
            if (catching == 0) {
                now = next;
                behind[came++] = rate * now;
                continue;
            }
            double each = (capacity - live * rate) / catching;
            int first = live - had;
            // Who came first is behind by least, and is done first.
            double done = now + behind[first] / (each - rate);
            double step = Math.min(done, next) - now;
            for (int i = first; i < came; i++) {
                behind[i] -= step * (each - rate);
            }
            bytes += step * each * catching;
            now += step;
            if (done <= next) {
                live++;
            } else {
                behind[came++] = rate * now;
            }
        }
        return new Result(bytes, now);
    }
}
