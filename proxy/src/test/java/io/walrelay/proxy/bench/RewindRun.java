package io.walrelay.proxy.bench;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.OsProcess;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.testkit.ExternalProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * One run of a program that rewinds.
 *
 * @param seconds from its start to its end
 * @param cpu user and system time of the program, in seconds
 * @param sourceCpu of the source's backends, exact to 20 ms
 * @param fetched bytes of files that came from the source, or would
 * @param fromRelay bytes that the relay sent
 * @param readOnSource bytes that the source's backends read from files, cached or not
 * @param written bytes that the program wrote, wherever to
 * @param steps its own times, in milliseconds; empty where it does not say
 */
record RewindRun(double seconds, double cpu, double sourceCpu, long fetched, long fromRelay, long readOnSource, long written, Map<String, Long> steps) {

    private static final Duration LIMIT = Duration.ofMinutes(5);
    private static final Pattern COPIED = Pattern.compile("(\\d+)/\\d+ kB");
    private static final Pattern TO_COPY = Pattern.compile("need to copy (\\d+) MB");

    /** What rewinds. */
    enum Way {
        PG_REWIND("pg_rewind"),
        DIRECT("walrelay rewind"),
        RELAY("walrelay rewind --relay");

        final String title;

        Way(String title) {
            this.title = title;
        }

        private List<String> command(Lab lab, Diverged servers, LocalPostgres target) {
            List<String> command = new ArrayList<>(
                    this == PG_REWIND
                            ? List.of(Lab.PROGRAMS.home().resolve("bin/pg_rewind").toString(), "--progress")
                            : List.of(lab.repository().resolve("walrelay").toString(), "rewind", "--format", "json"));
            command.addAll(List.of("-D", target.dataDirectory().toString(), "--source-server", servers.source().conninfo(), "-R"));
            if (this == RELAY) {
                RelayServer relay = servers.relay();
                command.addAll(List.of(
                        "--relay", "http://127.0.0.1:" + relay.httpPort(),
                        "--relay-conninfo", "host=127.0.0.1 port=%d user=%s".formatted(relay.port(), LocalPostgres.SUPERUSER),
                        "--relay-slot", target.name()));
            }
            return command;
        }

        /** Rewinds {@code target}, or only says what that would be. */
        RewindRun run(Lab lab, Diverged servers, LocalPostgres target, boolean dry) {
            List<String> command = command(lab, servers, target);
            if (dry) {
                command.add("--dry-run");
            }
            return measure(OsProcess.unprivileged(command), servers);
        }
    }

    private static RewindRun measure(List<String> command, Diverged servers) {
        long self = ProcessHandle.current().pid();
        long source = servers.source().pid();
        long children = children(source);
        double sourceCpu = ProcFiles.reapedCpuSeconds(source);
        long read = ProcFiles.readBytes(source);
        long sent = ProcFiles.writtenBytes(servers.relay().pid());
        long written = ProcFiles.writtenBytes(self);
        long cpu = Libc.childrenMicros();
        long begin = System.nanoTime();
        try (ExternalProcess program = ExternalProcess.start(command)) {
            int status = program.awaitExit(LIMIT);
            double seconds = (System.nanoTime() - begin) / 1e9;
            if (status != 0) {
                throw new IllegalStateException("%s exited with %d: %s".formatted(command, status, program.output()));
            }
            double ownCpu = (Libc.childrenMicros() - cpu) / 1e6;
            long ownWritten = ProcFiles.writtenBytes(self) - written;
            // Only then does its postmaster know what a backend has used.
            Await.until("the source's backends to end", LIMIT, () -> children(source) <= children);
            String output = program.output();
            return new RewindRun(
                    seconds,
                    ownCpu,
                    ProcFiles.reapedCpuSeconds(source) - sourceCpu,
                    fetched(output),
                    ProcFiles.writtenBytes(servers.relay().pid()) - sent,
                    ProcFiles.readBytes(source) - read,
                    ownWritten,
                    steps(output));
        }
    }

    private static long children(long pid) {
        return ProcessHandle.of(pid).orElseThrow().children().count();
    }

    private static List<JsonNode> report(String output) {
        return output.lines().filter(line -> line.startsWith("{")).map(Json.MAPPER::readTree).toList();
    }

    private static long fetched(String output) {
        for (JsonNode report : report(output)) {
            return report.get(report.get("outcome").asString().equals("planned") ? "bytes_to_fetch" : "bytes_fetched").asLong();
        }
        Matcher copied = COPIED.matcher(output);
        long kilobytes = -1;
        while (copied.find()) {
            kilobytes = Long.parseLong(copied.group(1));
        }
        if (kilobytes > 0) {
            return kilobytes << 10;
        }
        Matcher planned = TO_COPY.matcher(output);
        if (!planned.find()) {
            throw new IllegalStateException("it does not say how much it copied: " + output);
        }
        return Long.parseLong(planned.group(1)) << 20;
    }

    private static Map<String, Long> steps(String output) {
        Map<String, Long> steps = new LinkedHashMap<>();
        report(output).forEach(report -> report.get("milliseconds").properties().forEach(step -> steps.put(step.getKey(), step.getValue().asLong())));
        return steps;
    }
}
