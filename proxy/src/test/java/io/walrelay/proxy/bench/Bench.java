package io.walrelay.proxy.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The benchmark's command line. Runs the scenarios one after the other and writes the report. */
@Command(
        name = ".ci/bench",
        mixinStandardHelpOptions = true,
        description = "Measures the relay beside PostgreSQL's own programs on this machine; see docs/benchmark.md.")
final class Bench implements Runnable {

    private static final List<Scenario> SCENARIOS = List.of(
            new CatchUp(), new LiveFanOut(), new Receive(), new SyncCommit(), new Memory(), new ReadAhead(), new WalGet(), new Restore(), new ReadLog(), new Rewinding());

    @Option(names = "--quick", description = "Measure less and shorter: to see that everything works, not for numbers.")
    private boolean quick;

    @Option(names = "--only", paramLabel = "NAME", split = ",", description = "Only these scenarios.")
    private List<String> only = List.of();

    @Option(names = "--work", paramLabel = "DIR", description = "Where to put servers and WAL, up to 10 GB; a new directory is made in it. Default: ${DEFAULT-VALUE}.")
    private Path work = Path.of(System.getProperty("java.io.tmpdir"));

    @Option(names = "--repository", hidden = true, required = true)
    private Path repository = Path.of("");

    static void main(String[] arguments) {
        // A report reads the same everywhere.
        Locale.setDefault(Locale.ROOT);
        System.exit(new CommandLine(new Bench()).execute(arguments));
    }

    @Override
    public void run() {
        List<Scenario> chosen = chosen();
        long begin = System.nanoTime();
        StringBuilder report = new StringBuilder();
        try {
            Lab lab = new Lab(repository, Files.createTempDirectory(work, "walrelay-bench-"), quick);
            lab.cleanUpAtExit();
            lab.prepare();
            report.append(Machine.describe(lab));
            for (Scenario scenario : chosen) {
                Lab.say(scenario.name());
                report.append('\n').append(scenario.run(lab));
            }
            report.append("%nAll of this took %d s.%n".formatted(Duration.ofNanos(System.nanoTime() - begin).toSeconds()));
            Path file = repository.resolve("target/bench-report.md");
            Files.createDirectories(repository.resolve("target"));
            Files.writeString(file, report);
        } catch (IOException e) {
            throw new IllegalStateException("could not write", e);
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("could not measure", e);
        }
        System.out.println(report);
    }

    private List<Scenario> chosen() {
        List<String> names = SCENARIOS.stream().map(Scenario::name).toList();
        for (String name : only) {
            if (!names.contains(name)) {
                throw new CommandLine.ParameterException(
                        new CommandLine(this), "--only: no scenario \"%s\"; expected one of %s".formatted(name, names));
            }
        }
        return SCENARIOS.stream()
                .filter(scenario -> only.isEmpty() || only.contains(scenario.name()))
                .toList();
    }
}
