package io.walrelay.proxy.cli;

import io.walrelay.proxy.client.Restore;
import io.walrelay.proxy.client.RestoreMode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code walrelay restore}: PostgreSQL's restore_command. */
@Command(
        name = "restore",
        description = {
            "PostgreSQL's restore_command: fetch a WAL file from a relay."
        },
        exitCodeList = {
            "0:The file is at PATH.",
            "1:It is absent, or, in mode standby, nobody could look.",
            "126:In the other modes nobody could look, or it is not of the lineage, and the recovery has to stop."
        },
        footer = {
            "  restore_command = 'walrelay restore %%f %%p --relay http://relay:8433'",
            "  walrelay restore 00000002.history /tmp/history --relay http://relay1:8433,http://relay2:8433"
        })
final class RestoreCommand implements Callable<Integer> {

    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Mixin
    private final RelayOptions options = new RelayOptions();

    @Parameters(index = "0", paramLabel = "NAME", description = "The file's name: %%f.")
    private String name = "";

    @Parameters(index = "1", paramLabel = "PATH", description = "Where to put it: %%p.")
    private Path path = Path.of("");

    @Option(names = "--mode", paramLabel = "standby|pitr|rewind", description = "What for (default: standby where the working directory has standby.signal, else pitr).")
    private @Nullable RestoreMode mode;

    @Option(names = "--timeout", paramLabel = "TIME", defaultValue = "10s", converter = RelayOptions.Time.class, description = "How long a relay may send less than 1 kB/s (default: ${DEFAULT-VALUE}).")
    private Duration timeout = Duration.ZERO;

    @Option(names = "--wait", paramLabel = "TIME", defaultValue = "2s", converter = RelayOptions.Time.class, description = "How long a relay may wait for a segment that is not there yet (default: ${DEFAULT-VALUE}).")
    private Duration wait = Duration.ZERO;

    @Option(names = "--retries", paramLabel = "N", description = "Rounds after the first while nobody could look (default: 0 in mode standby, else 2).")
    private @Nullable Integer retries;

    @Option(names = "--timeline", paramLabel = "SELECTOR", description = "The lineage: 2, or 2@0/3002830 when the number was taken twice.")
    private @Nullable String timeline;

    @Option(names = "--standby", paramLabel = "NAME", description = "Who asks, for a relay that delays standbys.")
    private @Nullable String standby;

    /** A command line that can't be understood must not look like the end of WAL either. */
    @Spec
    void setSpec(CommandSpec newSpec) {
        spec = newSpec;
        spec.exitCodeOnInvalidInput(RestoreMode.in(Path.of("")).couldNotLook());
    }

    @Override
    public Integer call() throws InterruptedException {
        if (retries != null && retries < 0) {
            throw new ParameterException(spec.commandLine(), "--retries is %d; expected a whole number".formatted(retries));
        }
        RestoreMode decided = mode == null ? RestoreMode.in(Path.of(""), name, path) : mode;
        Restore.Result result;
        try {
            int rounds = retries == null ? decided.retries() : retries;
            result = new Restore(options.relays(timeout), decided, wait, rounds, Optional.ofNullable(timeline), Optional.ofNullable(standby)).run(name, path);
        } catch (IOException | RuntimeException e) {
            result = new Restore.Result(decided.couldNotLook(), Optional.of(e.getMessage() == null ? e.toString() : e.getMessage()));
        }
        result.problem().ifPresent(problem -> spec.commandLine().getErr().println("walrelay restore: " + problem));
        return result.exitStatus();
    }
}
