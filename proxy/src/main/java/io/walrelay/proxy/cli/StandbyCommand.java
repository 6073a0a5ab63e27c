package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code walrelay standby}: holds a single standby back, or lets it go. */
@Command(
        name = "standby",
        description = "Hold a single standby back, or let it go: by the name of its slot, or as walrelay status shows it.",
        footer = "  walrelay standby pause reports",
        synopsisSubcommandLabel = "pause|resume|release",
        subcommands = {StandbyCommand.Pause.class, StandbyCommand.Resume.class, StandbyCommand.Release.class})
final class StandbyCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        throw new ParameterException(spec.commandLine(), "expected pause, resume or release");
    }

    /** One word to the relay. */
    abstract static class Say extends ApiCommand {

        @Parameters(index = "0", paramLabel = "NAME", description = "The standby's slot, or its application_name.")
        private String name = "";

        private final String verb;

        Say(String verb) {
            this.verb = verb;
        }

        Optional<Lsn> position() {
            return Optional.empty();
        }

        /** What holds then, for people. */
        abstract String told(StatusReport.Shape shape);

        @Override
        public final Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            String body = Json.MAPPER.writeValueAsString(position().map(lsn -> Map.of("lsn", lsn.toString())).orElse(Map.of()));
            String path = "/api/v1/standbys/%s/%s".formatted(URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20"), verb);
            try (ApiClient client = api().connect(true)) {
                String said = client.post(path, body);
                StatusReport.Shape shape = ApiClient.read(StatusReport.Shape.class, said);
                answer(said, "standby \"%s\" %s".formatted(shape.name(), told(shape)));
            }
            return Main.OK;
        }
    }

    /** {@code walrelay standby pause}. */
    @Command(name = "pause", description = "Send it nothing more, also after a restart of the relay, until it is resumed. What was released and not sent yet stays here, too.",
            footer = "  walrelay standby pause reports")
    static final class Pause extends Say {

        Pause() {
            super("pause");
        }

        @Override
        String told(StatusReport.Shape shape) {
            return "is paused" + shape.warning().map(warning -> "; " + warning).orElse("");
        }
    }

    /** {@code walrelay standby resume}. */
    @Command(name = "resume", description = "Send it WAL again.", footer = "  walrelay standby resume reports")
    static final class Resume extends Say {

        Resume() {
            super("resume");
        }

        @Override
        String told(StatusReport.Shape shape) {
            return "goes on" + shape.delaySeconds().map(delay -> ", %s behind".formatted(StatusText.time(delay))).orElse("");
        }
    }

    /** {@code walrelay standby release}. */
    @Command(name = "release", description = "Let a standby that is delayed or paused have WAL up to a position at once; then it is held back as before.",
            footer = {"  walrelay standby release reports", "  walrelay standby release reports 16/B374D848"})
    static final class Release extends Say {

        @Parameters(index = "1", paramLabel = "LSN", arity = "0..1", description = "How far: the end of a record, or the last one before it (default: all that the relay has now).")
        private @Nullable String lsn;

        Release() {
            super("release");
        }

        @Override
        Optional<Lsn> position() {
            try {
                return Optional.ofNullable(lsn).map(Lsn::parse);
            } catch (IllegalArgumentException e) {
                throw wrong(String.valueOf(e.getMessage()), e);
            }
        }

        @Override
        String told(StatusReport.Shape shape) {
            return "may have WAL up to %s%s".formatted(shape.released().orElse("nowhere"), shape.paused() ? "; it is still paused past that" : "");
        }
    }
}
