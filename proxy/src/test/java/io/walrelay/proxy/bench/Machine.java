package io.walrelay.proxy.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** What the numbers were measured on. */
final class Machine {

    private Machine() {}

    /** The head of the report, in Markdown. */
    static String describe(Lab lab) throws IOException {
        Table table = new Table("", "")
                .row("when", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString())
                .row("processor", "%d cores, %s".formatted(
                        Runtime.getRuntime().availableProcessors(), ProcFiles.value("/proc/cpuinfo", "model name")))
                .row("memory", ProcFiles.value("/proc/meminfo", "MemTotal"))
                .row("kernel", ProcFiles.read("/proc/sys/kernel/osrelease").strip())
                .row("load before", ProcFiles.read("/proc/loadavg").strip())
                .row("disk", "%s, flushes counted: %s".formatted(
                        Files.getFileStore(lab.work()).type(), ProcFiles.diskFlushes(lab.work()).isPresent() ? "yes" : "no"))
                .row("Java", Runtime.version().toString())
                .row("PostgreSQL", Lab.PROGRAMS.run(Duration.ofSeconds(10), "postgres", "--version").orFail().strip())
                .row("relay", "`./walrelay serve` of this checkout, flags of its launcher");
        return """
                # walrelay beside PostgreSQL

                All on one machine over loopback: the servers, the load and the readers share its cores. Ratios are of numbers
                measured in this run, sides in turn.%s

                %s""".formatted(lab.quick() ? " **A quick run: too short for numbers.**" : "", table);
    }
}
