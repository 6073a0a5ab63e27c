package io.walrelay.proxy.cli;

import io.walrelay.proxy.client.Push;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code walrelay push}: PostgreSQL's archive_command. */
@Command(
        name = "push",
        description = {
            "PostgreSQL's archive_command: hand a WAL file to a relay."
        },
        exitCodeList = {
            "0:A relay has said that it is archived.",
            "1:None has: PostgreSQL tries again.",
            "2:The command line or the configuration can't be understood."
        },
        footer = {"  archive_command = 'walrelay push %%p %%f --relay http://relay:8433'"})
final class PushCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Mixin
    private final RelayOptions options = new RelayOptions();

    /** Longer than a relay takes that answers when its archive has the file: see WalPush. */
    @Option(names = "--timeout", paramLabel = "TIME", defaultValue = "60s", converter = RelayOptions.Time.class, description = "How long a relay may take to say that it is archived (default: ${DEFAULT-VALUE}).")
    private Duration timeout = Duration.ZERO;

    @Parameters(index = "0", paramLabel = "PATH", description = "The file: %%p.")
    private Path path = Path.of("");

    @Parameters(index = "1", paramLabel = "NAME", description = "Its name: %%f.")
    private String name = "";

    @Override
    public Integer call() throws IOException {
        Optional<String> problem = new Push(options.relays(timeout)).run(path, name);
        problem.ifPresent(reason -> spec.commandLine().getErr().println("walrelay push: " + reason));
        return problem.isEmpty() ? Main.OK : Main.FAILURE;
    }
}
