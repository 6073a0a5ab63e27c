package io.walrelay.proxy.simulation;

import io.walrelay.proxy.bench.Table;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;

/** The command line of the simulation: prints the tables of docs/simulation.md. Its one argument is the seed. */
final class Simulation {

    private static final Model MODEL = Model.MEASURED;
    private static final long DURATION = 10 * Model.SECOND;
    /** libpq's connection, the log-in by scram-sha-256 and IDENTIFY_SYSTEM; nothing that is measured says more than "some milliseconds". */
    private static final double LOG_IN = 0.02;
    /** wal_retrieve_retry_interval, PostgreSQL's default. */
    private static final double RETRY = 5;
    /** wal_receiver_timeout, PostgreSQL's default. */
    private static final double SILENCE = 60;

    private final long seed;

    private Simulation(long seed) {
        this.seed = seed;
    }

    static void main(String[] arguments) {
        Locale.setDefault(Locale.ROOT);
        long seed = arguments.length > 0 ? Long.parseLong(arguments[0]) : 1;
        System.out.println("Seed %d.%n".formatted(seed));
        new Simulation(seed).run();
    }

    private void run() {
        int fanOut = MODEL.fanOut();
        Table lags = new Table("what", "how many", "added lag p50", "p99", "longest");
        Tree.Result check = lag(MODEL.onOneMachine(), new int[190]);
        row(lags, "one relay, 190 standbys (measured: p99 19.3 ms)", 190, check.standbys());
        int[] even = new int[fanOut];
        Arrays.fill(even, fanOut);
        Tree.Result tree = lag(MODEL, even);
        row(lags, "the root relay", 1, tree.root());
        row(lags, "relays behind it", fanOut, tree.relays());
        row(lags, "standbys behind those", fanOut * fanOut, tree.standbys());
        int[] doubled = {2 * fanOut};
        row(lags, "a relay has taken another's standbys too: its 200", 2 * fanOut, lag(MODEL, doubled).standbys());
        System.out.println(lags);

        Table costs = new Table("the lost relay's standbys go to", "it was noticed", "sent anew", "last one is up to date after", "of which catching up");
        for (boolean spread : new boolean[] {true, false}) {
            for (double noticed : new double[] {0, SILENCE}) {
                costs.row(cost(spread, noticed));
            }
        }
        System.out.println(costs);
    }

    private Tree.Result lag(Model model, int[] standbys) {
        Tree tree = new Tree(model, standbys, seed);
        tree.load(DURATION);
        return tree.run();
    }

    private static void row(Table table, String what, int number, Lags lags) {
        table.row(what, "%,d".formatted(number), milliseconds(lags.quantile(0.5)), milliseconds(lags.quantile(0.99)), milliseconds(lags.longest()));
    }

    private static String milliseconds(long nanos) {
        return "%.1f ms".formatted(nanos / 1e6);
    }

    private String[] cost(boolean spread, double noticed) {
        Random random = new Random(seed);
        int fanOut = MODEL.fanOut();
        // Each standby's receiver ends, and begins anew when its startup process looks again.
        double[] attached = IntStream.range(0, fanOut).mapToDouble(_ -> noticed + random.nextDouble() * RETRY + LOG_IN).toArray();
        Reattachment.Result result = spread ? onAll(random, attached) : Reattachment.of(MODEL.bandwidth(), MODEL.rate(), fanOut, attached);
        double last = Arrays.stream(attached).max().orElseThrow();
        return new String[] {
            spread ? "any of the 99 others" : "one and the same",
            noticed == 0 ? "at once (process killed)" : "after %.0f s (machine gone)".formatted(noticed),
            "%.2f GB".formatted(result.bytes() / 1e9),
            "%.2f s".formatted(result.caughtUp()),
            "%.2f s".formatted(result.caughtUp() - last),
        };
    }

    private static Reattachment.Result onAll(Random random, double[] attached) {
        int others = MODEL.fanOut() - 1;
        int[] chosen = random.ints(attached.length, 0, others).toArray();
        double bytes = 0;
        double last = 0;
        for (int relay = 0; relay < others; relay++) {
            int here = relay;
            double[] come = IntStream.range(0, attached.length).filter(i -> chosen[i] == here).mapToDouble(i -> attached[i]).toArray();
            Reattachment.Result one = Reattachment.of(MODEL.bandwidth(), MODEL.rate(), MODEL.fanOut(), come);
            bytes += one.bytes();
            last = Math.max(last, one.caughtUp());
        }
        return new Reattachment.Result(bytes, last);
    }
}
