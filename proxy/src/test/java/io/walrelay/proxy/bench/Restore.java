package io.walrelay.proxy.bench;

import static io.walrelay.proxy.bench.Statistics.median;
import static io.walrelay.proxy.bench.Statistics.percentile;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.SimpleFileServer;
import io.walrelay.proxy.demo.FileTrees;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** restore_command, segment by segment: what fetching over loopback costs more than a copy of the file. */
final class Restore implements Scenario {

    private static final String FILE = "proxy/src/main/resources/io/walrelay/proxy/http/restore.sh";
    private static final int SEGMENT_BYTES = 16 << 20;

    @Override
    public String name() {
        return "restore";
    }

    /** What is run for a segment, as restore_command has it. */
    private enum Command {
        COPY("cp"),
        SCRIPT("restore.sh"),
        JAVA("walrelay restore");

        private final String title;

        Command(String title) {
            this.title = title;
        }

        String line(Lab lab, Path wal, String url) {
            return switch (this) {
                case COPY -> "cp '%s'/%%f %%p".formatted(wal);
                case SCRIPT -> "sh '%s' --mode pitr --relay %s %%f %%p".formatted(lab.repository().resolve(FILE), url);
                case JAVA -> "'%s' restore %%f %%p --mode pitr --relay %s".formatted(lab.repository().resolve("walrelay"), url);
            };
        }
    }

    @Override
    public String run(Lab lab) throws IOException, InterruptedException {
        int segments = lab.quick() ? 8 : 64;
        Path served = Files.createDirectory(lab.work().resolve("served"));
        Path wal = Files.createDirectory(served.resolve("wal"));
        Random random = new Random(1);
        byte[] bytes = new byte[SEGMENT_BYTES];
        for (int i = 0; i < segments; i++) {
            random.nextBytes(bytes);
            Files.write(wal.resolve(segment(i)), bytes);
        }
        HttpServer server = SimpleFileServer.createFileServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), served, SimpleFileServer.OutputLevel.NONE);
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            server.setExecutor(executor);
            server.start();
            try {
                return section(segments, measure(lab, segments, wal, "http://127.0.0.1:" + server.getAddress().getPort()));
            } finally {
                server.stop(0);
            }
        } finally {
            FileTrees.delete(served);
        }
    }

    private static Map<Command, List<Double>> measure(Lab lab, int segments, Path wal, String url) throws IOException, InterruptedException {
        Lab.settle();
        Map<Command, List<Double>> millis = new EnumMap<>(Command.class);
        Path target = lab.work().resolve("RECOVERYXLOG");
        // The first round warms up, and leaves the archive of the JVM's classes.
        for (int i = -1; i < segments; i++) {
            String name = segment(Math.max(i, 0));
            for (Command command : Command.values()) {
                // As the startup process does before it asks.
                Files.deleteIfExists(target);
                double took = once(command.line(lab, wal, url).replace("%f", name).replace("%p", "'" + target + "'"));
                if (Files.mismatch(target, wal.resolve(name)) >= 0) {
                    throw new IllegalStateException("%s brought other bytes of %s".formatted(command.title, name));
                }
                if (i >= 0) {
                    millis.computeIfAbsent(command, _ -> new ArrayList<>()).add(took);
                }
            }
        }
        Files.delete(target);
        return millis;
    }

    private static double once(String line) throws IOException, InterruptedException {
        long begin = System.nanoTime();
        Process process = new ProcessBuilder("/bin/sh", "-c", line).inheritIO().start();
        int status = process.waitFor();
        double took = (System.nanoTime() - begin) / 1e6;
        if (status != 0) {
            throw new IllegalStateException("%s exited with %d".formatted(line, status));
        }
        return took;
    }

    private static String segment(int number) {
        return String.format(Locale.ROOT, "00000001%08X%08X", 1, number);
    }

    private static String section(int segments, Map<Command, List<Double>> millis) {
        Table table = new Table("restore_command", "ms per segment, median", "p90", "more than cp, median");
        double copy = median(millis.getOrDefault(Command.COPY, List.of()));
        millis.forEach((command, all) -> table.row(
                command.title, "%.1f".formatted(median(all)), "%.1f".formatted(percentile(all, 0.9)), "%.1f".formatted(median(all) - copy)));
        return """
                ## restore_command (`restore`)

                %d segments of 16 MB, all in the page cache, each fetched by a command of its own in turn, from a file server over loopback.
                To reach: restore.sh costs less than 15 ms more than cp.

                %s
                """.formatted(segments, table);
    }
}
