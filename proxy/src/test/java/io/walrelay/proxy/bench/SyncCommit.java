package io.walrelay.proxy.bench;

import static io.walrelay.proxy.bench.Statistics.median;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Synchronous commit: what a primary commits whose only synchronous standby is the relay, or pg_receivewal --synchronous. */
final class SyncCommit implements Scenario {

    private static final List<Integer> CLIENTS = List.of(1, 8, 32);
    private static final Duration LIMIT = Duration.ofMinutes(1);

    @Override
    public String name() {
        return "sync-commit";
    }

    private record Measured(double rate, double flushesPerSecond) {}

    /** Measurements by number of clients. */
    private static final class Series {
        private final Map<Integer, List<Measured>> byClients = new TreeMap<>();

        void add(int clients, Measured measured) {
            byClients.computeIfAbsent(clients, _ -> new ArrayList<>()).add(measured);
        }

        double rate(int clients) {
            return median(byClients.getOrDefault(clients, List.of()).stream().map(Measured::rate).toList());
        }

        String flushes(int clients) {
            return FlushMeter.text(
                    median(byClients.getOrDefault(clients, List.of()).stream().map(Measured::flushesPerSecond).toList()));
        }
    }

    @Override
    public String run(Lab lab) {
        int rounds = lab.quick() ? 1 : 6;
        Series alone = new Series();
        Map<Receiver.Kind, Series> all = new EnumMap<>(Receiver.Kind.class);
        try (LocalPostgres primary = lab.cluster("sync", 20).durable().start()) {
            Pgbench.initialize(primary);
            Lab.say("sync-commit, no standby");
            load(lab, primary, alone);
            for (int round = 0; round < rounds; round++) {
                for (Receiver.Kind kind : Receiver.Kind.values()) {
                    Lab.say("sync-commit, round %d: %s".formatted(round + 1, kind.title()));
                    synchronously(lab, primary, kind, all.computeIfAbsent(kind, _ -> new Series()));
                }
            }
        }
        return section(rounds, alone, all.getOrDefault(Receiver.Kind.PG_RECEIVEWAL, alone), all.getOrDefault(Receiver.Kind.RELAY, alone));
    }

    private static void synchronously(Lab lab, LocalPostgres primary, Receiver.Kind kind, Series series) {
        primary.execute("SELECT pg_create_physical_replication_slot('%s', true)".formatted(Lab.SLOT));
        // Before the receiver comes: the relay asks when it connects, and notices a change only some seconds later.
        primary.set("synchronous_standby_names", "*");
        primary.reload();
        try (Receiver _ = kind.launch(lab, primary, Lab.SLOT)) {
            Await.until("the receiver to be synchronous", LIMIT, () -> states(primary), "streaming sync"::equals);
            load(lab, primary, series);
            primary.set("synchronous_standby_names", "");
            primary.reload();
            Await.until("the receiver to be asynchronous", LIMIT, () -> states(primary), "streaming async"::equals);
        }
        Await.until("the receiver to be gone", LIMIT, () -> states(primary), ""::equals);
        primary.execute("SELECT pg_drop_replication_slot('%s')".formatted(Lab.SLOT));
    }

    private static String states(LocalPostgres primary) {
        return primary.query("SELECT coalesce(string_agg(state || ' ' || sync_state, ','), '') FROM pg_stat_replication");
    }

    private static void load(Lab lab, LocalPostgres primary, Series series) {
        Pgbench.run(primary, 8, Duration.ofSeconds(lab.quick() ? 1 : 3));
        Duration duration = Duration.ofSeconds(lab.quick() ? 2 : 3);
        for (int clients : CLIENTS) {
            FlushMeter flushes = new FlushMeter(lab.work());
            double rate = Pgbench.run(primary, clients, duration);
            series.add(clients, new Measured(rate, flushes.perSecond()));
        }
    }

    private static String section(int rounds, Series alone, Series receivewal, Series relay) {
        Table table = new Table(
                "clients", "transactions/s pg_receivewal", "transactions/s relay", "relay / pg_receivewal", "no standby",
                "disk flushes/s pg_receivewal", "relay", "no standby");
        for (int clients : CLIENTS) {
            table.row(
                    Integer.toString(clients),
                    "%.0f".formatted(receivewal.rate(clients)),
                    "%.0f".formatted(relay.rate(clients)),
                    "%.2f".formatted(relay.rate(clients) / receivewal.rate(clients)),
                    "%.0f".formatted(alone.rate(clients)),
                    receivewal.flushes(clients),
                    relay.flushes(clients),
                    alone.flushes(clients));
        }
        return """
                ## Synchronous commit (`sync-commit`)

                `pgbench -N` with synchronous_commit=on; the only synchronous standby is `pg_receivewal --synchronous` or the relay
                (checked in pg_stat_replication). The primary calls fsync too, on the same disk: flushes are of both together. Medians of
                %d rounds in turn, each after an unmeasured load with 8 clients. To reach: ratio at least 1.

                %s""".formatted(rounds, table);
    }
}
