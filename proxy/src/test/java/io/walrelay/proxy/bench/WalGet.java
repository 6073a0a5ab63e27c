package io.walrelay.proxy.bench;

import static io.walrelay.proxy.bench.Statistics.median;
import static io.walrelay.proxy.bench.Statistics.percentile;

import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.demo.LocalPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** One segment by its name: from the relay's disk and from its archive, beside nginx, cp and pgBackRest's archive-get. */
final class WalGet implements Scenario {

    private static final int AT_ONCE = 4;
    /** Requests before the first that is measured: a relay that has run for a day has compiled what it runs. */
    private static final int WARM_UP = 8_000;

    private static final double SEGMENT_MB = Segments.SIZE.bytes() / 1e6;

    @Override
    public String name() {
        return "get";
    }

    /** Brings a segment and says how many milliseconds it took. */
    private interface Side {
        double get(String name) throws IOException;
    }

    /** Measurements by side, in the order in which they were first made. */
    private static final class Series {
        private final Map<String, List<Double>> all = new LinkedHashMap<>();

        void add(String side, double millis) {
            all.computeIfAbsent(side, _ -> new ArrayList<>()).add(millis);
        }

        Table table() {
            Table table = new Table("side", "p50, ms", "p99, ms", "MB/s");
            all.forEach((side, millis) -> {
                double seconds = millis.stream().mapToDouble(Double::doubleValue).sum() / 1e3;
                table.row(side, "%.2f".formatted(median(millis)), "%.2f".formatted(percentile(millis, 0.99)), "%.0f".formatted(millis.size() * SEGMENT_MB / seconds));
            });
            return table;
        }

        double p50(String side) {
            return median(all.getOrDefault(side, List.of()));
        }
    }

    @Override
    public String run(Lab lab) throws Exception {
        Lab.require("nginx", "nginx-light");
        Lab.require("pgbackrest", "pgbackrest");
        int count = lab.quick() ? 12 : 64;
        Path folder = lab.work().resolve("segments");
        Path archive = lab.work().resolve("archive");
        try (LocalPostgres primary = lab.cluster("get", 20).start()) {
            primary.execute(
                    "SELECT pg_create_physical_replication_slot('disk', true)", "SELECT pg_create_physical_replication_slot('archive', true)");
            Segments segments = Segments.write(primary, primary.flushedLsn(), count, folder);
            PgBackRest backRest = new PgBackRest(lab, primary);
            segments.names().forEach(name -> backRest.push(primary.dataDirectory().resolve("pg_wal").resolve(name)));
            String near;
            try (RelayServer relay = RelayServer.start(lab, primary, "disk", Map.of());
                    Nginx nginx = Nginx.serve(lab, folder)) {
                near = near(lab, segments, relay, nginx);
            }
            try (RelayServer relay = RelayServer.start(lab, primary, "archive", Map.of(
                    "WALRELAY_ARCHIVE_URL", archive.toUri().toString(), "WALRELAY_CACHE_DISK", "8GB", "WALRELAY_CACHE_KEEP", "0s"))) {
                return near + far(lab, segments, relay, backRest);
            }
        } finally {
            FileTrees.delete(folder);
            FileTrees.delete(archive);
        }
    }

    private static Side over(int port, String path, String tier) {
        return name -> {
            HttpGet got = HttpGet.of(port, path + name, Segments.SIZE.bytes());
            if (!tier.isEmpty() && !got.header("x-walrelay-tier").orElse("").equals(tier)) {
                throw new IllegalStateException("%s did not come from tier %s: %s".formatted(name, tier, got.head()));
            }
            return got.millis();
        };
    }

    private static String near(Lab lab, Segments segments, RelayServer relay, Nginx nginx) throws Exception {
        int rounds = lab.quick() ? 2 : 8;
        Path target = lab.work().resolve("RECOVERYXLOG");
        String relaySide = "relay";
        Map<String, Side> sides = new LinkedHashMap<>();
        sides.put("nginx", over(nginx.port(), "/", ""));
        sides.put(relaySide, over(relay.httpPort(), "/wal/", "disk"));
        Map<String, Side> commands = Map.of("cp, a process for each", name -> {
            Files.deleteIfExists(target);
            return Lab.millis(List.of("cp", segments.file(name).toString(), target.toString()));
        });
        Series one = new Series();
        Series many = new Series();
        for (int i = 0; i < (lab.quick() ? WARM_UP / 10 : WARM_UP); i++) {
            String name = segments.names().get(i % segments.names().size());
            HttpGet.headOf(nginx.port(), "/" + name);
            HttpGet.headOf(relay.httpPort(), "/wal/" + name);
        }
        Lab.settle();
        // The first rounds warm up, too.
        for (int round = -2; round < rounds; round++) {
            for (String name : segments.names()) {
                for (Map.Entry<String, Side> side : sides.entrySet()) {
                    double millis = side.getValue().get(name);
                    if (round >= 0) {
                        one.add(side.getKey(), millis);
                    }
                }
            }
        }
        for (Map.Entry<String, Side> side : commands.entrySet()) {
            for (String name : segments.names()) {
                one.add(side.getKey(), side.getValue().get(name));
            }
        }
        Files.deleteIfExists(target);
        Map<String, List<Double>> rates = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) {
            for (Map.Entry<String, Side> side : sides.entrySet()) {
                double rate = together(side.getValue(), segments, round < 0 ? new Series() : many, side.getKey());
                if (round >= 0) {
                    rates.computeIfAbsent(side.getKey(), _ -> new ArrayList<>()).add(rate);
                }
            }
        }
        double nginxRate = median(rates.getOrDefault("nginx", List.of()));
        double relayRate = median(rates.getOrDefault(relaySide, List.of()));
        return """
                ## A segment by its name (`get`)

                %d segments of 16 MB, all in the page cache, %d times each, after thousands of requests to each server; a connection for each, as restore_command
                has it. The reader drops what
                arrives. The relay sends all of them from its disk's files by sendfile, those that it has in memory as well. To reach: within 10 %% of nginx.

                %s
                p50, relay / nginx: %.2f.

                %d at once: nginx %.0f MB/s, relay %.0f MB/s, ratio %.2f.

                %s
                """
                .formatted(segments.names().size(), rounds, one.table(), one.p50(relaySide) / one.p50("nginx"), AT_ONCE, nginxRate, relayRate, relayRate / nginxRate, many.table());
    }

    /** All segments, several at a time; returns MB/s of all. */
    private static double together(Side side, Segments segments, Series series, String title) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE)) {
            long begin = System.nanoTime();
            List<Future<Double>> all = segments.names().stream().map(name -> threads.submit(() -> side.get(name))).toList();
            for (Future<Double> one : all) {
                series.add(title, one.get());
            }
            return segments.names().size() * SEGMENT_MB / ((System.nanoTime() - begin) / 1e9);
        }
    }

    private static String far(Lab lab, Segments segments, RelayServer relay, PgBackRest backRest) throws IOException {
        List<String> names = segments.names().subList(0, segments.names().size() * 3 / 4);
        Path target = lab.work().resolve("RECOVERYXLOG");
        relay.awaitFreed(segments.end(names.size()));
        Lab.settle();
        Series series = new Series();
        String fetched = "relay, fetched from its archive";
        Side cold = over(relay.httpPort(), "/wal/", "archive");
        for (String name : names) {
            series.add(fetched, cold.get(name));
        }
        for (String name : names) {
            series.add("relay, fetched before", cold.get(name));
        }
        for (String name : names) {
            Files.deleteIfExists(target);
            series.add("pgbackrest archive-get, a process for each", backRest.get(name, target));
            segments.compare(target, name, "pgbackrest");
        }
        Files.deleteIfExists(target);
        return """
                The first %d of these segments where only the archive has them, compressed by zstd in a local folder, as in pgBackRest's repository; one after the other.

                %s
                """.formatted(names.size(), series.table());
    }
}
