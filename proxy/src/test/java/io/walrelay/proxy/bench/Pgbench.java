package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.LocalPostgres;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** PostgreSQL's own load generator, in its variant without updates of the small tables ({@code pgbench -N}). */
final class Pgbench {

    private static final Pattern RATE = Pattern.compile("^tps = ([0-9.]+) ", Pattern.MULTILINE);
    private static final int SCALE = 10;

    private Pgbench() {}

    /** Makes the tables. */
    static void initialize(LocalPostgres server) {
        initialize(server, SCALE);
    }

    /** Makes the tables, with 100,000 accounts for each unit of {@code scale}. */
    static void initialize(LocalPostgres server, int scale) {
        Lab.PROGRAMS.run(
                        Duration.ofMinutes(2),
                        "pgbench",
                        "-i", "-q", "-s", Integer.toString(scale),
                        "-h", "127.0.0.1", "-p", Integer.toString(server.port()), "-U", LocalPostgres.SUPERUSER, "postgres")
                .orFail();
    }

    /** Runs for {@code duration} and returns the transactions per second, the time to connect left out. */
    static double run(LocalPostgres server, int clients, Duration duration) {
        String output = Lab.PROGRAMS.run(
                        duration.plusMinutes(1),
                        "pgbench",
                        "-N", "-n", "-c", Integer.toString(clients), "-j", Integer.toString(Math.min(clients, 2)),
                        "-T", Long.toString(duration.toSeconds()),
                        "-h", "127.0.0.1", "-p", Integer.toString(server.port()), "-U", LocalPostgres.SUPERUSER, "postgres")
                .orFail();
        return transactionsPerSecond(output);
    }

    static double transactionsPerSecond(String output) {
        Matcher matcher = RATE.matcher(output);
        if (!matcher.find()) {
            throw new IllegalStateException("pgbench printed no line \"tps = …\": " + output);
        }
        return Double.parseDouble(matcher.group(1));
    }
}
