package io.walrelay.proxy.cli;

import io.walrelay.proxy.demo.CleanExit;
import io.walrelay.proxy.demo.Demo;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code walrelay demo}: everything on one machine, with nothing to set up. */
@Command(
        name = "demo",
        description = "Run a PostgreSQL primary, the relay and two standbys behind it, with load, on this machine; Ctrl-C ends it and cleans up.",
        exitCodeList = {
            "0:It ended as it should; with --check, both standbys replayed everything.",
            "1:It did not.",
            "2:The command line or the configuration can't be understood."
        },
        footer = {"  walrelay demo", "  walrelay demo --seconds 20 --check"})
final class DemoCommand implements Callable<Integer> {

    private static final Duration FOREVER = Duration.ofDays(365);

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Option(names = "--seconds", paramLabel = "N", description = "End by itself after N seconds.")
    private @Nullable Integer seconds;

    @Option(names = "--check", description = "Exit with 0 only if both standbys replayed everything.")
    private boolean check;

    @Override
    public Integer call() {
        if (seconds != null && seconds < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--seconds is %d; expected at least 1, or no --seconds to run until Ctrl-C".formatted(seconds));
        }
        Duration limit = seconds == null ? FOREVER : Duration.ofSeconds(seconds);
        PrintWriter out = spec.commandLine().getOut();
        try (CleanExit exit = new CleanExit()) {
            try (Demo demo = Demo.start(out)) {
                boolean equal = demo.run(limit);
                return equal || !check ? Main.OK : Main.FAILURE;
            } catch (RuntimeException e) {
                if (exit.isExiting()) {
                    out.println("stopped; servers, relay and their files are gone");
                    out.flush();
                    return Main.FAILURE;
                }
                throw e;
            }
        }
    }
}
