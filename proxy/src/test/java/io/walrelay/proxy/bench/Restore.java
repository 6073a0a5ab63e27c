package io.walrelay.proxy.bench;

import static io.walrelay.proxy.bench.Statistics.median;
import static io.walrelay.proxy.bench.Statistics.percentile;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FileTrees;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** restore_command: what fetching from a relay costs more than a copy of the file, alone and for a server that recovers. */
final class Restore implements Scenario {

    private static final String FILE = "proxy/src/main/resources/io/walrelay/proxy/http/restore.sh";
    private static final Duration LIMIT = Duration.ofMinutes(10);

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

        String line(Lab lab, Segments segments, RelayServer relay) {
            String url = "http://127.0.0.1:" + relay.httpPort();
            return switch (this) {
                case COPY -> "cp '%s'/%%f %%p".formatted(segments.folder());
                case SCRIPT -> "sh '%s' --mode pitr --relay %s %%f %%p".formatted(lab.repository().resolve(FILE), url);
                case JAVA -> "'%s' restore %%f %%p --mode pitr --relay %s".formatted(lab.repository().resolve("walrelay"), url);
            };
        }
    }

    /** Measurements by command. */
    private static final class Series {
        private final Map<Command, List<Double>> all = new EnumMap<>(Command.class);

        void add(Command command, double measured) {
            all.computeIfAbsent(command, _ -> new ArrayList<>()).add(measured);
        }

        List<Double> of(Command command) {
            return all.getOrDefault(command, List.of());
        }

        Set<Command> commands() {
            return all.keySet();
        }
    }

    @Override
    public String run(Lab lab) throws IOException {
        int count = lab.quick() ? 8 : 64;
        Path folder = lab.work().resolve("segments");
        Path backup = lab.work().resolve("backup");
        try (LocalPostgres primary = lab.cluster("restore", 20).start()) {
            primary.execute("SELECT pg_create_physical_replication_slot('%s', true)".formatted(Lab.SLOT));
            Lsn begin = primary.flushedLsn();
            Lab.PROGRAMS
                    .run(LIMIT, "pg_basebackup", "-X", "none", "--checkpoint=fast", "--no-sync", "-D", backup.toString(), "-d", primary.conninfo())
                    .orFail();
            Segments segments = Segments.write(primary, begin, count, folder);
            try (RelayServer relay = RelayServer.start(lab, primary)) {
                return alone(lab, segments, relay) + recovering(lab, primary, segments, relay, backup);
            }
        } finally {
            FileTrees.delete(folder);
            FileTrees.delete(backup);
        }
    }

    private static String alone(Lab lab, Segments segments, RelayServer relay) throws IOException {
        Lab.settle();
        Series millis = new Series();
        Path target = lab.work().resolve("RECOVERYXLOG");
        // The first round warms up, and leaves the archive of the JVM's classes.
        for (int i = -1; i < segments.names().size(); i++) {
            String name = segments.names().get(Math.max(i, 0));
            for (Command command : Command.values()) {
                // As the startup process does before it asks.
                Files.deleteIfExists(target);
                String line = command.line(lab, segments, relay).replace("%f", name).replace("%p", "'" + target + "'");
                double took = Lab.millis(List.of("/bin/sh", "-c", line));
                segments.compare(target, name, command.title);
                if (i >= 0) {
                    millis.add(command, took);
                }
            }
        }
        Files.delete(target);
        Table table = new Table("restore_command", "ms per segment, median", "p90", "more than cp, median");
        double copy = median(millis.of(Command.COPY));
        for (Command command : millis.commands()) {
            List<Double> all = millis.of(command);
            table.row(command.title, "%.1f".formatted(median(all)), "%.1f".formatted(percentile(all, 0.9)), "%.1f".formatted(median(all) - copy));
        }
        return """
                ## restore_command (`restore`)

                %d segments of 16 MB, all in the page cache, each fetched by a command of its own in turn, from a relay over loopback.
                To reach: restore.sh costs less than 15 ms more than cp.

                %s
                """.formatted(segments.names().size(), table);
    }

    /** A base backup without WAL recovers to the end of the segments and shuts down. */
    private static String recovering(Lab lab, LocalPostgres primary, Segments segments, RelayServer relay, Path backup) {
        int rounds = lab.quick() ? 1 : 3;
        Series seconds = new Series();
        for (int round = 0; round < rounds; round++) {
            for (Command command : Command.values()) {
                Lab.say("restore, round %d: %s".formatted(round + 1, command.title));
                seconds.add(command, recover(lab, primary, segments, command.line(lab, segments, relay), backup));
            }
        }
        Table table = new Table("restore_command", "s until recovered, median", "beside cp");
        double copy = median(seconds.of(Command.COPY));
        for (Command command : seconds.commands()) {
            double took = median(seconds.of(command));
            table.row(command.title, "%.2f".formatted(took), "%.2f".formatted(took / copy));
        }
        return """
                A base backup without WAL recovers through all of them (`recovery_target_lsn`, `recovery_target_action = shutdown`, shared_buffers of 256 MB,
                fsync off); from the start of the server to its end, median of %d rounds in turn. To reach: within 10 %% of cp's time.

                %s
                """.formatted(rounds, table);
    }

    private static double recover(Lab lab, LocalPostgres primary, Segments segments, String command, Path backup) {
        LocalPostgres server = LocalPostgres.standbyOf(primary, "")
                .name("recovering")
                .in(lab.work().resolve("recovering"))
                .copiedBy((_, target) -> {
                    Lab.millis(List.of("cp", "-a", backup.toString(), target.toString()));
                    Files.createFile(target.resolve("recovery.signal"));
                })
                .set("restore_command", command)
                .set("recovery_target_lsn", segments.end(segments.names().size() - 1).toString())
                .set("recovery_target_action", "shutdown")
                .create();
        try (server) {
            Lab.settle();
            long begin = System.nanoTime();
            server.launch();
            Await.until("the server to have recovered and shut down", LIMIT, () -> !server.isRunning());
            double took = (System.nanoTime() - begin) / 1e9;
            if (!server.log().contains("recovery stopping after WAL location")) {
                throw new IllegalStateException("it did not recover; its log ends with\n" + server.logTail(30));
            }
            return took;
        }
    }
}
