package io.walrelay.proxy.cli;

import io.walrelay.proxy.demo.Demo;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code walrelay demo}: everything on one machine, with nothing to set up. */
@Command(
        name = "demo",
        description = "Run a PostgreSQL primary, the relay and two standbys behind it, with load, on this machine; Ctrl-C ends it and cleans up.")
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
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        try (Demo demo = Demo.start(out)) {
            boolean equal = demo.run(seconds == null ? FOREVER : Duration.ofSeconds(seconds));
            return equal || !check ? Main.OK : Main.FAILURE;
        }
    }
}
