package io.walrelay.proxy.bench;

import static io.walrelay.proxy.bench.Statistics.median;

import io.walrelay.proxy.bench.ReaderProcess.Received;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.wal.Lsn;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Catch-up fan-out: readers that all begin far back, at the same position, and read to the end as fast as they are served. */
final class CatchUp implements Scenario {

    private static final long MEGABYTE = 1_000_000;
    private static final double GIGABYTE = 1e9;

    @Override
    public String name() {
        return "catch-up";
    }

    /** How the readers are connected; {@code protocol} is for those with TLS. */
    private enum Encryption {
        NONE("none", ""),
        TLS_1_3("TLS 1.3, the server's choice of suite", "TLSv1.3"),
        TLS_1_2("TLS 1.2, one suite for both", "TLSv1.2");

        private final String title;
        private final String protocol;

        Encryption(String title, String protocol) {
            this.title = title;
            this.protocol = protocol;
        }
    }

    private record Load(Encryption encryption, int readers, int rounds) {}

    /** Who serves. {@code cpu} makes a meter of its processes: what they have used since the meter was made, in seconds. */
    private record Side(int port, Supplier<Supplier<Double>> cpu) {}

    private record Measured(double cpuPerGigabyte, double gigabytesPerSecond, String note) {}

    @Override
    public String run(Lab lab) {
        long bytes = (lab.quick() ? 200 : 800) * MEGABYTE;
        try (LocalPostgres primary = lab.cluster("catchup", 64).start()) {
            primary.execute("SELECT pg_create_physical_replication_slot('%s', true)".formatted(Lab.SLOT));
            Lab.writeWal(primary, bytes);
            Lsn from = new Lsn(primary.flushedLsn().value() - bytes);
            try (RelayServer relay = RelayServer.start(lab, primary)) {
                Lab.settle();
                return measure(lab, primary, relay, from, bytes);
            }
        }
    }

    private static String measure(Lab lab, LocalPostgres primary, RelayServer relay, Lsn from, long bytes) {
        Side walsenders = new Side(primary.port(), () -> {
            List<ProcessHandle> processes = ProcFiles.walSenders(primary.pid());
            double before = ProcFiles.cpuSeconds(processes);
            return () -> ProcFiles.cpuSeconds(processes) - before;
        });
        Side relaying = new Side(relay.port(), () -> {
            double before = ProcFiles.cpuSeconds(relay.pid());
            return () -> ProcFiles.cpuSeconds(relay.pid()) - before;
        });
        Table table = new Table(
                "readers", "encryption", "CPU-s/GB walsenders", "CPU-s/GB relay", "relay / walsenders",
                "GB/s walsenders", "GB/s relay", "relay / walsenders");
        Set<String> suites = new LinkedHashSet<>();
        for (Load load : loads(lab)) {
            Lab.say("catch-up, %d readers, encryption: %s".formatted(load.readers(), load.encryption().title));
            List<Measured> ofWalsenders = new ArrayList<>();
            List<Measured> ofRelay = new ArrayList<>();
            for (int round = 0; round <= load.rounds(); round++) {
                Measured theirs = once(walsenders, load, from, bytes);
                Measured ours = once(relaying, load, from, bytes);
                // The first round warms the page cache and the relay's compiler.
                if (round > 0) {
                    ofWalsenders.add(theirs);
                    ofRelay.add(ours);
                }
                if (load.encryption() != Encryption.NONE) {
                    suites.add("walsenders %s, relay %s".formatted(theirs.note(), ours.note()));
                }
            }
            double theirCpu = median(ofWalsenders.stream().map(Measured::cpuPerGigabyte).toList());
            double ourCpu = median(ofRelay.stream().map(Measured::cpuPerGigabyte).toList());
            double theirRate = median(ofWalsenders.stream().map(Measured::gigabytesPerSecond).toList());
            double ourRate = median(ofRelay.stream().map(Measured::gigabytesPerSecond).toList());
            table.row(
                    Integer.toString(load.readers()),
                    load.encryption().title,
                    "%.3f".formatted(theirCpu),
                    "%.3f".formatted(ourCpu),
                    "%.2f".formatted(ourCpu / theirCpu),
                    "%.2f".formatted(theirRate),
                    "%.2f".formatted(ourRate),
                    "%.2f".formatted(ourRate / theirRate));
        }
        return """
                ## Catch-up fan-out (`catch-up`)

                Each reader receives the same %d MB. CPU seconds are of the serving processes (walsenders; the relay's whole process),
                per GB sent, without log-in; GB/s is of all readers together, who share the machine's cores with the servers.
                Medians of rounds in turn, after one unmeasured round of each side at the same load: the WAL is in the page cache
                for both, and the relay's code is compiled. To reach: CPU ratio at most 1, rate ratio at least 1.

                %s
                Negotiated: %s.
                """.formatted(bytes / MEGABYTE, table, String.join("; ", suites));
    }

    private static List<Load> loads(Lab lab) {
        return lab.quick()
                ? List.of(new Load(Encryption.NONE, 8, 1), new Load(Encryption.TLS_1_3, 2, 1))
                : List.of(
                        new Load(Encryption.NONE, 8, 5),
                        new Load(Encryption.NONE, 32, 3),
                        new Load(Encryption.TLS_1_3, 8, 1),
                        new Load(Encryption.TLS_1_3, 32, 1),
                        new Load(Encryption.TLS_1_2, 8, 1));
    }

    private static Measured once(Side side, Load load, Lsn from, long bytes) {
        ReaderArguments arguments = new ReaderArguments(side.port(), load.readers(), from, bytes, load.encryption().protocol);
        try (ReaderProcess readers =
                load.encryption() == Encryption.NONE ? ReaderProcess.plain(arguments) : ReaderProcess.tls(arguments)) {
            Supplier<Double> cpu = side.cpu().get();
            readers.go();
            Received received = readers.awaitAll();
            double gigabytes = received.bytes() / GIGABYTE;
            return new Measured(cpu.get() / gigabytes, gigabytes / received.seconds(), received.note());
        }
    }
}
