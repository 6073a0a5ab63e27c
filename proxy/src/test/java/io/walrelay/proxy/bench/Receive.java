package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.Await;
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
import java.util.function.BiPredicate;
import java.util.function.ToDoubleFunction;

/**
 * Receive and fsync: how long until a gigabyte that waits on the primary is on the receiver's disk. Once for a process that was just started,
 * and once for one that has received some before.
 */
final class Receive implements Scenario {

    private static final long LOOK_EVERY_NANOS = 2_000_000;
    private static final Duration LIMIT = Duration.ofMinutes(2);

    @Override
    public String name() {
        return "receive";
    }

    /** @param starting seconds until it streamed; 0 for one that does already */
    private record Measured(double starting, double receiving, double flushes) {}

    /** Measurements by receiver. */
    private static final class Series {
        private final Map<Receiver.Kind, List<Measured>> all = new EnumMap<>(Receiver.Kind.class);

        void add(Receiver.Kind kind, Measured measured) {
            all.computeIfAbsent(kind, _ -> new ArrayList<>()).add(measured);
        }

        double median(Receiver.Kind kind, ToDoubleFunction<Measured> value) {
            return Statistics.median(all.getOrDefault(kind, List.of()).stream().map(value::applyAsDouble).toList());
        }
    }

    @Override
    public String run(Lab lab) throws SQLException {
        long bytes = (lab.quick() ? 200 : 1000) * 1_000_000L;
        int rounds = lab.quick() ? 1 : 3;
        Series fresh = new Series();
        Series warm = new Series();
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
                    fresh.add(kind, once(lab, primary, kind, slot(kind, round)));
                    primary.execute("SELECT pg_drop_replication_slot('%s')".formatted(slot(kind, round)));
                }
            }
            for (int round = 0; round < rounds; round++) {
                for (Receiver.Kind kind : Receiver.Kind.values()) {
                    Lab.say("receive, warm, round %d: %s".formatted(round + 1, kind.title()));
                    warm.add(kind, again(lab, primary, kind, bytes));
                }
            }
        }
        return section(bytes, rounds, fresh, warm);
    }

    private static String slot(Receiver.Kind kind, int round) {
        return "%s_%d".formatted(kind == Receiver.Kind.RELAY ? "relay" : "receivewal", round);
    }

    private static Measured once(Lab lab, LocalPostgres primary, Receiver.Kind kind, String slot) throws SQLException {
        Lsn end = primary.flushedLsn();
        Lab.settle();
        FlushMeter flushes = new FlushMeter(lab.work());
        long begin = System.nanoTime();
        try (Look look = new Look(primary, slot);
                Receiver _ = kind.launch(lab, primary, slot)) {
            double starting = seconds(begin, look.await("to stream", (active, _) -> active));
            double receiving = seconds(begin, look.await("to have flushed " + end, (_, flushed) -> flushed.isAtLeast(end)));
            return new Measured(starting, receiving - starting, flushes.count());
        } finally {
            awaitInactive(primary, slot);
        }
    }

    /** A process that has received half as much before; it is stopped while the WAL is written. */
    private static Measured again(Lab lab, LocalPostgres primary, Receiver.Kind kind, long bytes) throws SQLException {
        primary.execute("SELECT pg_create_physical_replication_slot('%s', true)".formatted(Lab.SLOT));
        try (Look look = new Look(primary, Lab.SLOT);
                Receiver receiver = kind.launch(lab, primary, Lab.SLOT)) {
            var _ = look.await("to stream", (active, _) -> active);
            Lab.writeWal(primary, bytes / 2);
            Lsn before = primary.flushedLsn();
            var _ = look.await("to have flushed " + before, (_, flushed) -> flushed.isAtLeast(before));
            receiver.signal("STOP");
            Lab.writeWal(primary, bytes);
            Lsn end = primary.flushedLsn();
            Lab.settle();
            FlushMeter flushes = new FlushMeter(lab.work());
            long begin = System.nanoTime();
            receiver.signal("CONT");
            double receiving = seconds(begin, look.await("to have flushed " + end, (_, flushed) -> flushed.isAtLeast(end)));
            return new Measured(0, receiving, flushes.count());
        } finally {
            awaitInactive(primary, Lab.SLOT);
            primary.execute("SELECT pg_drop_replication_slot('%s')".formatted(Lab.SLOT));
        }
    }

    private static void awaitInactive(LocalPostgres primary, String slot) {
        Await.until(
                "the receiver to be gone",
                LIMIT,
                () -> primary.query("SELECT active FROM pg_replication_slots WHERE slot_name = '%s'".formatted(slot)),
                "f"::equals);
    }

    private static double seconds(long from, long to) {
        return (to - from) / 1e9;
    }

    /** Looks at a slot again and again. What a receiver reports as flushed is where its slot stands. */
    private static final class Look implements AutoCloseable {
        private final Connection connection;
        private final PreparedStatement statement;

        Look(LocalPostgres primary, String slot) throws SQLException {
            this.connection = primary.connect();
            this.statement = connection.prepareStatement("SELECT active, restart_lsn FROM pg_replication_slots WHERE slot_name = '%s'".formatted(slot));
        }

        /** Waits until the slot is as {@code wanted}, and returns when that was. */
        long await(String what, BiPredicate<Boolean, Lsn> wanted) throws SQLException {
            long begin = System.nanoTime();
            while (true) {
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    long now = System.nanoTime();
                    if (wanted.test(row.getBoolean(1), Lsn.parse(row.getString(2)))) {
                        return now;
                    }
                    if (now - begin > LIMIT.toNanos()) {
                        throw new IllegalStateException("waited %s for the receiver %s; its slot is at %s".formatted(LIMIT, what, row.getString(2)));
                    }
                }
                LockSupport.parkNanos(LOOK_EVERY_NANOS);
            }
        }

        @Override
        public void close() throws SQLException {
            connection.close();
        }
    }

    private static String section(long bytes, int rounds, Series fresh, Series warm) {
        return """
                ## Receive and fsync (`receive`)

                %d MB of WAL wait on the primary, in its page cache. Measured until the receiver reports the end as flushed (the slot has
                moved there). Medians of %d rounds in turn, the disk at rest before each. To reach: rate ratio at least 1.

                The receiver is warm: it has received half as much just before, and is stopped (SIGSTOP) while the WAL is written; measured from
                SIGCONT on.

                %s
                Rate, relay / pg_receivewal: %.2f.

                The receiver is a new process with an empty directory: measured from the begin of streaming (the slot is active); the start of
                the process is beside it. Nothing of the relay is compiled yet.

                %s
                Rate, relay / pg_receivewal: %.2f.
                """.formatted(bytes / 1_000_000, rounds, table(bytes, warm), ratio(warm), table(bytes, fresh), ratio(fresh));
    }

    private static Table table(long bytes, Series series) {
        Table table = new Table("receiver", "s until flushed", "MB/s", "s to start before", "disk flushes");
        for (Receiver.Kind kind : Receiver.Kind.values()) {
            double receiving = series.median(kind, Measured::receiving);
            table.row(
                    kind.title(),
                    "%.2f".formatted(receiving),
                    "%.0f".formatted(bytes / 1e6 / receiving),
                    "%.2f".formatted(series.median(kind, Measured::starting)),
                    FlushMeter.text(series.median(kind, Measured::flushes)));
        }
        return table;
    }

    private static double ratio(Series series) {
        return series.median(Receiver.Kind.PG_RECEIVEWAL, Measured::receiving) / series.median(Receiver.Kind.RELAY, Measured::receiving);
    }
}
