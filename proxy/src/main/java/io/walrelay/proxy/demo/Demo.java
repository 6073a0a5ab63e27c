package io.walrelay.proxy.demo;

import io.walrelay.wal.Lsn;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;

/**
 * A primary, a relay and two standbys that stream through it, on this machine and with no set-up: what {@code walrelay demo}
 * shows. Once, the relay is killed and started again, to show that nothing is lost.
 *
 * <pre>
 *   primary ──one stream──▶ walrelay ──▶ standby a
 *      ▲                        └──────▶ standby b
 *    load
 * </pre>
 */
public final class Demo implements AutoCloseable {

    private static final Duration CATCH_UP_LIMIT = Duration.ofSeconds(60);

    private final PrintWriter out;
    private final LocalPostgres primary;
    private final RelayChild relay;
    private final List<LocalPostgres> standbys;
    private final Deque<Runnable> closing;

    private Demo(PrintWriter out, LocalPostgres primary, RelayChild relay, List<LocalPostgres> standbys, Deque<Runnable> closing) {
        this.out = out;
        this.primary = primary;
        this.relay = relay;
        this.standbys = standbys;
        this.closing = closing;
    }

    /** Starts everything; a line for each step. What was started is closed again when something can't be, or on an interrupt. */
    public static Demo start(PrintWriter out) {
        Deque<Runnable> closing = new ArrayDeque<>();
        try {
            say(out, "unpacking PostgreSQL (the first time only)");
            PostgresBinaries binaries = PostgresBinaries.ofClassPath();
            LocalPostgres primary = LocalPostgres.of(binaries).name("primary").start();
            closing.push(primary::close);
            say(out, "primary   PostgreSQL %d on port %d".formatted(binaries.major(), primary.port()));
            RelayChild relay = RelayChild.start(primary);
            closing.push(relay::close);
            say(out, "relay     %s (dashboard: %s/, metrics: %s/metrics)".formatted(relay.conninfo("…"), relay.url(), relay.url()));
            List<LocalPostgres> standbys = new ArrayList<>();
            for (String name : List.of("a", "b")) {
                LocalPostgres standby =
                        LocalPostgres.standbyOf(primary, relay.conninfo("standby_" + name)).name("standby " + name).start();
                closing.push(standby::close);
                standbys.add(standby);
                say(out, "%s port %d, primary_conninfo points at the relay".formatted(standby.name(), standby.port()));
            }
            return new Demo(out, primary, relay, List.copyOf(standbys), closing);
        } catch (RuntimeException e) {
            closing.forEach(Runnable::run);
            throw e;
        }
    }

    /**
     * Runs the load and prints a line a second until {@code limit} has passed; kills the relay once on the way.
     *
     * @return whether both standbys replayed all that the primary confirmed, equal to the last byte of each row
     * @throws CancellationException on an interrupt
     */
    public boolean run(Duration limit) {
        long begin = System.nanoTime();
        long kill = begin + Math.min(limit.dividedBy(2).toNanos(), TimeUnit.SECONDS.toNanos(10));
        boolean killed = false;
        try (Load load = Load.start(primary)) {
            while (System.nanoTime() - begin < limit.toNanos()) {
                waitASecond();
                if (!killed && System.nanoTime() >= kill) {
                    killed = true;
                    killRelay();
                }
                say(out, line(load.committed()));
            }
        }
        return compare(Long.parseLong(primary.query("SELECT count(*) FROM demo")));
    }

    private static void waitASecond() {
        try {
            TimeUnit.SECONDS.sleep(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        }
    }

    private void killRelay() {
        long begin = System.nanoTime();
        say(out, "kill -9 of the relay (process %d), and start it again".formatted(relay.pid()));
        relay.killAndRestart();
        say(out, "relay     started again as process %d, listening after %d ms".formatted(relay.pid(), (System.nanoTime() - begin) / 1_000_000));
    }

    private String line(long committed) {
        Lsn end = primary.flushedLsn();
        StringBuilder line = new StringBuilder("%,9d commits  primary %s".formatted(committed, end));
        line.append("  relay %s".formatted(relayFlushed()));
        for (LocalPostgres standby : standbys) {
            Lsn replayed = standby.replayedLsn();
            line.append("  %s %s (%,d bytes behind)".formatted(standby.name(), replayed, Math.max(0, end.minus(replayed))));
        }
        return line.toString();
    }

    private String relayFlushed() {
        String flushed = primary.queryOrNull("SELECT flush_lsn FROM pg_stat_replication WHERE state = 'streaming' AND flush_lsn IS NOT NULL");
        return flushed == null ? "away" : flushed;
    }

    private boolean compare(long committed) {
        Lsn end = primary.flushedLsn();
        String expected = fingerprint(primary);
        boolean equal = true;
        for (LocalPostgres standby : standbys) {
            try {
                standby.awaitReplay(end, CATCH_UP_LIMIT);
            } catch (Await.TimedOut e) {
                say(out, "%s did NOT catch up to %s: %s".formatted(standby.name(), end, e.getMessage()));
                equal = false;
                continue;
            }
            String found = fingerprint(standby);
            boolean same = found.equals(expected);
            equal &= same;
            say(out, same
                    ? "%s replayed everything up to %s: %,d rows, the same as the primary's".formatted(standby.name(), end, committed)
                    : "%s DIFFERS: %s, expected %s".formatted(standby.name(), found, expected));
        }
        return equal;
    }

    private static String fingerprint(LocalPostgres server) {
        return server.query("SELECT count(*) || ' rows, hash ' || coalesce(md5(string_agg(id || payload, ',' ORDER BY id)), '') FROM demo");
    }

    private static void say(PrintWriter out, String line) {
        out.println(line);
        out.flush();
    }

    /** Stops all servers, standbys first, and deletes what they left. */
    @Override
    public void close() {
        closing.forEach(Runnable::run);
    }
}
