package io.walrelay.proxy.bench;

import static io.walrelay.proxy.bench.Statistics.percentile;

import io.walrelay.proxy.bench.ReaderProcess.Received;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Live fan-out: what the primary still commits while many readers follow it, attached to it, to a cascading standby or to the relay. */
final class LiveFanOut implements Scenario {

    private static final int CLIENTS = 4;
    private static final int MAX_READERS = 190;
    private static final double LEAST_PART_RECEIVED = 0.95;

    @Override
    public String name() {
        return "live";
    }

    /** Whom the readers are attached to; {@code awaitHas} returns when it can serve up to a position. */
    private record Attachment(String where, int port, Consumer<Lsn> awaitHas, boolean addsDelay) {}

    /** {@code addedMillis} is empty where nothing is between the primary and the readers. */
    private record Row(String where, int readers, double rate, double flushesPerSecond, List<Double> addedMillis) {}

    /** Who reads the records of what came, and keeps what they change. */
    private static final Set<String> INDEXING = Set.of("wal-verifier", "change-index");

    /** What the relay used while it was measured, in seconds, and how much WAL came meanwhile. */
    private record Used(double cpu, double indexing, long bytes) {

        static Used of(RelayServer relay, LocalPostgres primary) {
            return new Used(ProcFiles.cpuSeconds(relay.pid()), ProcFiles.cpuSeconds(relay.pid(), INDEXING), primary.flushedLsn().value());
        }

        Used since(Used before) {
            return new Used(cpu - before.cpu, indexing - before.indexing, bytes - before.bytes);
        }

        String text() {
            return "While it was measured the relay received %.1f GB and used %.1f s of processor time, %.1f s of them (%.0f %%) on its own thread to check records and make the change index."
                    .formatted(bytes / 1e9, cpu, indexing, 100 * indexing / cpu);
        }
    }

    @Override
    public String run(Lab lab) {
        List<Row> rows = new ArrayList<>();
        Used used;
        try (LocalPostgres primary = lab.cluster("live", 250).start()) {
            Pgbench.initialize(primary);
            Pgbench.run(primary, CLIENTS, warmUp(lab));
            rows.add(measure(lab, primary, null, 0));
            Attachment direct = new Attachment("primary", primary.port(), lsn -> {}, false);
            for (int readers : readers(lab)) {
                rows.add(measure(lab, primary, direct, readers));
            }
            try (LocalPostgres standby = LocalPostgres.standbyOf(primary, primary.conninfo())
                    .name("cascade")
                    .in(lab.work().resolve("cascade"))
                    .start()) {
                Attachment cascading = new Attachment(
                        "cascading standby", standby.port(), lsn -> standby.awaitReplay(lsn, Duration.ofMinutes(1)), true);
                for (int readers : readers(lab)) {
                    rows.add(measure(lab, primary, cascading, readers));
                }
            }
            try (RelayServer relay = RelayServer.start(lab, primary)) {
                Used before = Used.of(relay, primary);
                Attachment relaying = new Attachment("relay", relay.port(), relay::awaitFlushed, true);
                rows.add(measure(lab, primary, relaying, 0));
                for (int readers : readers(lab)) {
                    rows.add(measure(lab, primary, relaying, readers));
                }
                used = Used.of(relay, primary).since(before);
            }
            rows.add(measure(lab, primary, null, 0));
        }
        return section(lab, rows, used);
    }

    private static Row measure(Lab lab, LocalPostgres primary, @Nullable Attachment attachment, int readers) {
        String where = attachment == null ? "nobody" : attachment.where();
        Lab.say("live, %d readers on: %s".formatted(readers, where));
        Lab.settle();
        if (attachment == null) {
            return load(lab, primary, where, readers, List.of());
        }
        Lsn from = primary.flushedLsn();
        attachment.awaitHas().accept(from);
        if (readers == 0) {
            return load(lab, primary, where, readers, delays(lab, primary, attachment));
        }
        ReaderArguments arguments = new ReaderArguments(attachment.port(), readers, from, Long.MAX_VALUE, "");
        try (ReaderProcess process = ReaderProcess.plain(arguments)) {
            process.go();
            // Compiles what is hot, and brings the readers to the end.
            Pgbench.run(primary, CLIENTS, warmUp(lab));
            Row row = load(lab, primary, where, readers, List.of());
            List<Double> delays = attachment.addsDelay() ? delays(lab, primary, attachment) : List.of();
            long written = primary.flushedLsn().minus(from);
            Received received = process.stop();
            if (received.least() < written * LEAST_PART_RECEIVED) {
                throw new IllegalStateException("a reader on the %s received %d bytes of the %d that were written"
                        .formatted(where, received.least(), written));
            }
            return new Row(where, readers, row.rate(), row.flushesPerSecond(), delays);
        }
    }

    private static Row load(Lab lab, LocalPostgres primary, String where, int readers, List<Double> delays) {
        FlushMeter flushes = new FlushMeter(lab.work());
        double rate = Pgbench.run(primary, CLIENTS, Duration.ofSeconds(lab.quick() ? 3 : 12));
        return new Row(where, readers, rate, flushes.perSecond(), delays);
    }

    /** In a run of its own: the probe's reader on the primary costs the primary something. */
    private static List<Double> delays(Lab lab, LocalPostgres primary, Attachment attachment) {
        Lsn from = primary.flushedLsn();
        attachment.awaitHas().accept(from);
        DelayProbe probe = DelayProbe.start(primary.port(), attachment.port(), from);
        Pgbench.run(primary, CLIENTS, warmUp(lab));
        return probe.stop();
    }

    private static Duration warmUp(Lab lab) {
        return Duration.ofSeconds(lab.quick() ? 2 : 5);
    }

    private static List<Integer> readers(Lab lab) {
        return lab.quick() ? List.of(50) : List.of(50, MAX_READERS);
    }

    private static String section(Lab lab, List<Row> rows, Used used) {
        double alone = rows.stream().filter(row -> row.where().equals("nobody")).mapToDouble(Row::rate).average().orElseThrow();
        Table table = new Table(
                "readers", "attached to", "transactions/s", "part of those with none", "added delay p50, ms", "p99, ms", "disk flushes/s");
        for (Row row : rows) {
            boolean delayed = !row.addedMillis().isEmpty();
            table.row(
                    Integer.toString(row.readers()),
                    row.where(),
                    "%.0f".formatted(row.rate()),
                    "%.2f".formatted(row.rate() / alone),
                    delayed ? "%.2f".formatted(percentile(row.addedMillis(), 0.50)) : "",
                    delayed ? "%.2f".formatted(percentile(row.addedMillis(), 0.99)) : "",
                    FlushMeter.text(row.flushesPerSecond()));
        }
        int most = lab.quick() ? 50 : MAX_READERS;
        return """
                ## Live fan-out (`live`)

                `pgbench -N -c %d` on the primary, whose fsync is off, as is the cascading standby's; the relay's is on, as always: the
                disk flushes are mostly its own. Readers are live and receive everything (checked). The first and the last row show
                how steady the machine was. Added delay: how much later WAL arrives at a reader there than at a reader on the primary
                itself, one sample per message of the primary, in a further run with both attached; with 0 readers the probe is the
                only one. Warm: each load ran unmeasured before. To reach: at least 4,000 transactions/s with %d readers on the
                relay, p99 at most 25 ms, at once when there are few.

                %s
                With %d readers, relay : primary is %.2f, relay : cascading standby is %.2f.
                %s
                """.formatted(
                        CLIENTS,
                        MAX_READERS,
                        table,
                        most,
                        rate(rows, "relay", most) / rate(rows, "primary", most),
                        rate(rows, "relay", most) / rate(rows, "cascading standby", most),
                        used.text());
    }

    private static double rate(List<Row> rows, String where, int readers) {
        return rows.stream()
                .filter(row -> row.where().equals(where) && row.readers() == readers)
                .mapToDouble(Row::rate)
                .findFirst()
                .orElseThrow();
    }
}
