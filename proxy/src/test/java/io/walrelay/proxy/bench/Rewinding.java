package io.walrelay.proxy.bench;

import static io.walrelay.proxy.bench.Statistics.median;

import io.walrelay.proxy.bench.RewindRun.Way;
import io.walrelay.proxy.demo.LocalPostgres;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** {@code walrelay rewind} beside pg_rewind: copies of one data directory become followers of one server, in turn. */
final class Rewinding implements Scenario {

    private static final double MEGABYTE = 1 << 20;

    @Override
    public String name() {
        return "rewind";
    }

    @Override
    public String run(Lab lab) {
        StringBuilder report = new StringBuilder(
                """
                ## Rewind (`rewind`)

                Copies of one data directory are rewound onto one running server, over loopback, in turn; what both read is in the page cache and nothing is waiting to be written.
                After each run the copy is started: it streams, and has the source's rows. Time is from the program's start to its end, the JVM's start included; CPU of the
                program, and of the source's backends. Medians.

                """);
        report.append(start(lab));
        try (Diverged servers = Diverged.byLittle(lab)) {
            report.append(measure(lab, servers, "Small divergence, much retained WAL", "64 MB of WAL on the target's side alone, 3 GB kept from before. To reach, with --relay: a tenth of the bytes, a fifth of the time."));
        }
        try (Diverged servers = Diverged.byMuch(lab)) {
            report.append(measure(lab, servers, "Large divergence", "20 s of `pgbench -N -c 4` on each side, scale 100. To reach, with --relay: a third of the time."));
        }
        return report.toString();
    }

    /** What each command pays before it does anything. */
    private static String start(Lab lab) {
        Table table = new Table("JVM", "ms, median");
        for (String argument : List.of("--version", "--help")) {
            List<Double> all = new ArrayList<>();
            for (int i = 0; i < (lab.quick() ? 3 : 15); i++) {
                all.add(Lab.millis(List.of(lab.repository().resolve("walrelay").toString(), "rewind", argument)));
            }
            table.row("`walrelay rewind %s`".formatted(argument), "%.0f".formatted(median(all)));
        }
        return "To reach: less than 300 ms.\n\n%s\n".formatted(table);
    }

    private static String measure(Lab lab, Diverged servers, String title, String what) {
        int rounds = lab.quick() ? 1 : 3;
        Series dry = new Series();
        try (LocalPostgres copy = servers.copy("dry")) {
            for (int round = 0; round < rounds; round++) {
                for (Way way : Way.values()) {
                    Lab.say("rewind: %s, dry run %d: %s".formatted(title, round + 1, way.title));
                    dry.add(way, way.run(lab, servers, copy, true));
                }
            }
        }
        Series real = new Series();
        for (int round = 0; round < rounds; round++) {
            for (Way way : Way.values()) {
                Lab.say("rewind: %s, round %d: %s".formatted(title, round + 1, way.title));
                try (LocalPostgres copy = servers.copy("round_%d_%d".formatted(round, way == Way.RELAY ? 1 : 0))) {
                    real.add(way, way.run(lab, servers, copy, false));
                    servers.check(copy);
                }
            }
        }
        return """
                ### %s

                %s%s

                %s
                A dry run. To reach, with --relay: half a second beside the JVM's start.

                %s
                """.formatted(title, what, lab.quick() ? " **Here much less.**" : "", real.table(), dry.table());
    }

    /** Runs of each way. */
    private static final class Series {
        private final Map<Way, List<RewindRun>> all = new EnumMap<>(Way.class);

        void add(Way way, RewindRun run) {
            all.computeIfAbsent(way, _ -> new ArrayList<>()).add(run);
        }

        private double of(Way way, ToDoubleFunction<RewindRun> value) {
            return median(all.getOrDefault(way, List.of()).stream().map(value::applyAsDouble).toList());
        }

        Table table() {
            Table table = new Table("", "s", "beside pg_rewind", "CPU-s", "source's CPU-s", "fetched, MB", "beside pg_rewind", "read on the source, MB", "from the relay, MB", "written, MB", "ms by step");
            double time = of(Way.PG_REWIND, RewindRun::seconds);
            double bytes = of(Way.PG_REWIND, RewindRun::fetched);
            for (Way way : all.keySet()) {
                double seconds = of(way, RewindRun::seconds);
                double fetched = of(way, RewindRun::fetched);
                table.row(
                        way.title,
                        "%.2f".formatted(seconds),
                        "%.2f".formatted(seconds / time),
                        "%.2f".formatted(of(way, RewindRun::cpu)),
                        "%.2f".formatted(of(way, RewindRun::sourceCpu)),
                        "%.1f".formatted(fetched / MEGABYTE),
                        "%.3f".formatted(fetched / bytes),
                        "%.1f".formatted(of(way, RewindRun::readOnSource) / MEGABYTE),
                        way == Way.RELAY ? "%.1f".formatted(of(way, RewindRun::fromRelay) / MEGABYTE) : "",
                        "%.1f".formatted(of(way, RewindRun::written) / MEGABYTE),
                        steps(way));
            }
            return table;
        }

        private String steps(Way way) {
            Map<String, List<Double>> steps = new LinkedHashMap<>();
            all.getOrDefault(way, List.of()).forEach(run -> run.steps().forEach((step, ms) -> steps.computeIfAbsent(step, _ -> new ArrayList<>()).add((double) ms)));
            return steps.entrySet().stream().map(step -> "%s %.0f".formatted(step.getKey(), median(step.getValue()))).collect(Collectors.joining(", "));
        }
    }
}
