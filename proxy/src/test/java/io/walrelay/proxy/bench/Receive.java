package io.walrelay.proxy.bench;

import static io.walrelay.proxy.bench.Statistics.median;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.wal.Lsn;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/** Receive and fsync: how long until a gigabyte that waits on the primary is on the receiver's disk. */
final class Receive implements Scenario {

    private static final long LOOK_EVERY_NANOS = 2_000_000;
    private static final Duration LIMIT = Duration.ofMinutes(2);

    @Override
    public String name() {
        return "receive";
    }

    private record Measured(double starting, double receiving, double flushes) {}

    @Override
    public String run(Lab lab) throws SQLException {
        long bytes = (lab.quick() ? 200 : 1000) * 1_000_000L;
        int rounds = lab.quick() ? 1 : 3;
        Map<Receiver.Kind, List<Measured>> all = new EnumMap<>(Receiver.Kind.class);
        try (LocalPostgres primary = lab.cluster("receive", 20).start()) {
            // All begin at the same position: a slot is reserved for each before the WAL is written.
            for (Receiver.Kind kind : Receiver.Kind.values()) {
                for (int round = 0; round < rounds; round++) {
                    primary.execute("SELECT pg_create_physical_replication_slot('%s', true)".formatted(slot(kind, round)));
                }
            }
            Lab.writeWal(primary, bytes);
            for (int round = 0; round < rounds; round++) {
                for (Receiver.Kind kind : Receiver.Kind.values()) {
                    Lab.say("receive, round %d: %s".formatted(round + 1, kind.title()));
                    all.computeIfAbsent(kind, _ -> new ArrayList<>()).add(once(lab, primary, kind, slot(kind, round)));
                }
            }
        }
        return section(bytes, rounds, all);
    }

    private static String slot(Receiver.Kind kind, int round) {
        return "%s_%d".formatted(kind == Receiver.Kind.RELAY ? "relay" : "receivewal", round);
    }

    private static Measured once(Lab lab, LocalPostgres primary, Receiver.Kind kind, String slot) throws SQLException {
        Lsn end = primary.flushedLsn();
        Lab.settle();
        try (Connection connection = primary.connect();
                PreparedStatement look = connection.prepareStatement(
                        "SELECT active, restart_lsn FROM pg_replication_slots WHERE slot_name = '%s'".formatted(slot))) {
            FlushMeter flushes = new FlushMeter(lab.work());
            long begin = System.nanoTime();
            try (Receiver _ = kind.launch(lab, primary, slot)) {
                long streaming = 0;
                while (true) {
                    try (ResultSet row = look.executeQuery()) {
                        row.next();
                        long now = System.nanoTime();
                        if (streaming == 0 && row.getBoolean(1)) {
                            streaming = now;
                        }
                        // What a receiver reports as flushed is where its slot stands.
                        if (streaming != 0 && Lsn.parse(row.getString(2)).isAtLeast(end)) {
                            return new Measured((streaming - begin) / 1e9, (now - streaming) / 1e9, flushes.count());
                        }
                        if (now - begin > LIMIT.toNanos()) {
                            throw new IllegalStateException("%s has flushed %s after %s; expected %s"
                                    .formatted(kind.title(), row.getString(2), LIMIT, end));
                        }
                    }
                    LockSupport.parkNanos(LOOK_EVERY_NANOS);
                }
            }
        }
    }

    private static String section(long bytes, int rounds, Map<Receiver.Kind, List<Measured>> all) {
        Table table = new Table("receiver", "s until flushed", "MB/s", "s to start before", "disk flushes");
        Map<Receiver.Kind, Double> seconds = new EnumMap<>(Receiver.Kind.class);
        all.forEach((kind, measured) -> {
            double receiving = median(measured.stream().map(Measured::receiving).toList());
            double flushes = median(measured.stream().map(Measured::flushes).toList());
            seconds.put(kind, receiving);
            table.row(
                    kind.title(),
                    "%.2f".formatted(receiving),
                    "%.0f".formatted(bytes / 1e6 / receiving),
                    "%.2f".formatted(median(measured.stream().map(Measured::starting).toList())),
                    FlushMeter.text(flushes));
        });
        return """
                ## Receive and fsync (`receive`)

                %d MB of WAL wait on the primary, in its page cache; the receiver is a new process with an empty directory. Measured
                from the begin of streaming (the slot is active) until the receiver reports the end as flushed (the slot has moved
                there); the start of the process is beside it. Medians of %d rounds in turn, the disk at rest before each. Nothing of the
                relay is warm. To reach: rate ratio at least 1.

                %s
                Rate, relay / pg_receivewal: %.2f.
                """.formatted(
                        bytes / 1_000_000,
                        rounds,
                        table,
                        seconds.getOrDefault(Receiver.Kind.PG_RECEIVEWAL, Double.NaN)
                                / seconds.getOrDefault(Receiver.Kind.RELAY, Double.NaN));
    }
}
