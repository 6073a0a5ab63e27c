package io.walrelay.proxy.demo;

import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
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
    private final Path directory;
    private final LocalPostgres primary;
    private final RelayChild relay;
    private final List<LocalPostgres> standbys;
    private final CountDownLatch interrupted = new CountDownLatch(1);

    private Demo(PrintWriter out, Path directory, LocalPostgres primary, RelayChild relay, List<LocalPostgres> standbys) {
        this.out = out;
        this.directory = directory;
        this.primary = primary;
        this.relay = relay;
        this.standbys = standbys;
    }

    /** Starts everything; a line for each step. */
    public static Demo start(PrintWriter out) throws IOException {
        Path directory = Files.createTempDirectory("walrelay-demo-");
        say(out, "unpacking PostgreSQL (the first time only)");
        PostgresBinaries binaries = PostgresBinaries.ofClassPath();
        LocalPostgres primary = LocalPostgres.of(binaries).name("primary").start();
        say(out, "primary   PostgreSQL %d on port %d".formatted(binaries.major(), primary.port()));
        RelayChild relay = RelayChild.start(primary, directory);
        say(out, "relay     %s (dashboard and metrics: %s)".formatted(relay.conninfo("…"), relay.url()));
        List<LocalPostgres> standbys = List.of(standby(primary, relay, "a"), standby(primary, relay, "b"));
        for (LocalPostgres standby : standbys) {
            say(out, "%s port %d, primary_conninfo points at the relay".formatted(standby.name(), standby.port()));
        }
        return new Demo(out, directory, primary, relay, standbys);
    }

    private static LocalPostgres standby(LocalPostgres primary, RelayChild relay, String name) {
        return LocalPostgres.standbyOf(primary, relay.conninfo("standby_" + name)).name("standby " + name).start();
    }

    /**
     * Runs the load and prints a line a second, until {@code limit} has passed or {@link #interrupt} is called; kills the relay
     * once on the way.
     *
     * @return whether both standbys replayed all that the primary confirmed, equal to the last byte of each row
     */
    public boolean run(Duration limit) {
        long begin = System.nanoTime();
        long kill = begin + Math.min(limit.dividedBy(2).toNanos(), TimeUnit.SECONDS.toNanos(10));
        boolean killed = false;
        long committed;
        try (Load load = Load.start(primary)) {
            while (System.nanoTime() - begin < limit.toNanos() && !waitASecond()) {
                if (!killed && System.nanoTime() >= kill) {
                    killed = true;
                    say(out, "kill -9 of the relay, and start it again");
                    relay.killAndRestart();
                }
                say(out, line(load.committed()));
            }
        }
        committed = Long.parseLong(primary.query("SELECT count(*) FROM demo"));
        return compare(committed);
    }

    /** Ends {@link #run} early. Thread-safe. */
    public void interrupt() {
        interrupted.countDown();
    }

    private boolean waitASecond() {
        try {
            return interrupted.await(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        }
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

    /** Stops all servers and deletes what they left. */
    @Override
    public void close() throws IOException {
        standbys.forEach(LocalPostgres::close);
        relay.close();
        primary.close();
        FileTrees.delete(directory);
    }
}
