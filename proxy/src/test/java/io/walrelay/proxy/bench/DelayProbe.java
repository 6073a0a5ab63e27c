package io.walrelay.proxy.bench;

import io.walrelay.wal.Lsn;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Measures how much later WAL arrives through a server than directly from the primary: one reader on each, in this process, on
 * one clock. Each message of the primary's walsender is one sample; it ends with what the primary flushed, which is how commits
 * leave it.
 */
final class DelayProbe {

    /** When everything before {@code end} had arrived, by {@link System#nanoTime}. */
    record Arrival(Lsn end, long nanos) {}

    private final List<RawSession> sessions;
    private final CompletableFuture<List<Arrival>> direct;
    private final CompletableFuture<List<Arrival>> through;

    private DelayProbe(RawSession direct, RawSession through) {
        this.sessions = List.of(direct, through);
        this.direct = readInBackground(direct);
        this.through = readInBackground(through);
    }

    /** Begins to read from both at {@code from}, which both must have reached. */
    static DelayProbe start(int primaryPort, int throughPort, Lsn from) {
        RawSession direct = RawSession.open(primaryPort, "probe_direct");
        direct.start(from);
        RawSession through = RawSession.open(throughPort, "probe_through");
        through.start(from);
        return new DelayProbe(direct, through);
    }

    /** Ends reading and returns the added delay of each sample, in milliseconds; below 0 where the way through was the faster one. */
    List<Double> stop() {
        sessions.forEach(RawSession::interrupt);
        List<Arrival> directly = direct.join();
        List<Arrival> behind = through.join();
        sessions.forEach(RawSession::close);
        return addedMillis(directly, behind);
    }

    /** Both in the order of their arrival. What had arrived directly, but not yet through the server, when reading ended is left out. */
    static List<Double> addedMillis(List<Arrival> direct, List<Arrival> through) {
        List<Double> added = new ArrayList<>();
        int next = 0;
        for (Arrival arrival : direct) {
            while (next < through.size() && through.get(next).end().isBefore(arrival.end())) {
                next++;
            }
            if (next == through.size()) {
                break;
            }
            added.add((through.get(next).nanos() - arrival.nanos()) / 1e6);
        }
        return added;
    }

    private static CompletableFuture<List<Arrival>> readInBackground(RawSession session) {
        CompletableFuture<List<Arrival>> result = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("probe").start(() -> {
            List<Arrival> arrivals = new ArrayList<>();
            try {
                while (true) {
                    Lsn end = session.nextEnd();
                    if (end.isValid()) {
                        arrivals.add(new Arrival(end, System.nanoTime()));
                    }
                }
            } catch (RawSession.EndOfStream end) {
                result.complete(arrivals);
            } catch (RuntimeException e) {
                result.completeExceptionally(e);
            }
        });
        return result;
    }
}
