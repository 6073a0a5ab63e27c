package io.walrelay.proxy.cli;

import io.walrelay.cache.archive.Pin;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.PinReport;
import io.walrelay.rewind.datadir.BackupLabel;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code walrelay pin}: WAL that stays in the archive whatever its age, since a base backup needs it. */
@Command(
        name = "pin",
        description = "What stays in the archive whatever its age: WAL that a base backup needs.",
        footer = "  walrelay pin list",
        synopsisSubcommandLabel = "create|list|drop",
        subcommands = {PinCommand.Create.class, PinCommand.ListAll.class, PinCommand.Drop.class})
final class PinCommand implements Callable<Integer> {

    private static final String PATH = "/api/v1/pins";

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        throw new ParameterException(spec.commandLine(), "expected create, list or drop");
    }

    /** The path of one; a name that can't be a pin's is a slip of the pen. */
    private static String path(ApiCommand command, String name) {
        try {
            return PATH + "/" + Pin.requireName(name);
        } catch (IllegalArgumentException e) {
            throw command.wrong(String.valueOf(e.getMessage()), e);
        }
    }

    /** {@code walrelay pin create}. */
    @Command(
            name = "create",
            description = {
                "Keep WAL in the archive, from a position on.",
                "For a base backup from a standby, which begins earlier than the last checkpoint when the standby lags, pin with --backup-label when it was taken."
            },
            footer = {"  walrelay pin create monday", "  walrelay pin create monday --backup-label /backup/monday/backup_label"})
    static final class Create extends ApiCommand {

        @Parameters(paramLabel = "NAME", description = "What the pin is called: letters, digits, _ . and -.")
        private String name = "";

        @Option(names = "--lsn", paramLabel = "LSN", description = "From where on (default: from where a base backup of the primary that begins now has to replay).")
        private @Nullable String lsn;

        @Option(
                names = "--timeline",
                paramLabel = "TIMELINE[@LSN]",
                description = "On which timeline (default: the relay's), with where it begins when its number was taken twice.")
        private @Nullable String timeline;

        @Option(names = "--backup-label", paramLabel = "FILE", description = "A base backup's backup_label: from where that one has to replay.")
        private @Nullable Path backupLabel;

        @Override
        public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            String path = path(this, name);
            String body = Json.MAPPER.writeValueAsString(request());
            try (ApiClient client = api().connect(true)) {
                String made = client.put(path, body);
                PinReport pin = ApiClient.read(PinReport.class, made);
                answer(made, "pin \"%s\" keeps WAL from %s on timeline %d on".formatted(pin.name(), pin.lsn(), pin.timeline()));
            }
            return Main.OK;
        }

        private Map<String, String> request() throws IOException {
            Map<String, String> request = new LinkedHashMap<>();
            if (backupLabel != null) {
                if (lsn != null) {
                    throw wrong("expected --lsn or --backup-label, not both");
                }
                BackupLabel label = BackupLabel.read(backupLabel);
                request.put("lsn", label.start().toString());
                request.put("timeline", label.timeline().toString());
                request.put("note", label.label());
            }
            if (lsn != null) {
                try {
                    request.put("lsn", Lsn.parse(lsn).toString());
                } catch (IllegalArgumentException e) {
                    throw wrong(String.valueOf(e.getMessage()), e);
                }
            }
            if (timeline != null) {
                request.put("timeline", timeline);
            }
            return request;
        }
    }

    /** {@code walrelay pin list}. */
    @Command(
            name = "list",
            description = "Which pins there are; relay_… are what the relays that share the archive need.",
            footer = "  walrelay pin list")
    static final class ListAll extends ApiCommand {

        @Override
        public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            String body;
            try (ApiClient client = api().connect(false)) {
                body = client.get(PATH);
            }
            switch (format()) {
                case JSON -> printJson(body);
                case TEXT -> text(body).forEach(this::print);
            }
            return Main.OK;
        }

        private static List<String> text(String body) throws IOException {
            PinReport[] pins = ApiClient.read(PinReport[].class, body);
            TextTable table = new TextTable("pin", "from", "timeline", "created", "note");
            Arrays.stream(pins).forEach(pin -> table.row(pin.name(), pin.lsn(), Long.toString(pin.timeline()), pin.created().truncatedTo(ChronoUnit.SECONDS).toString(), pin.note()));
            return pins.length == 0 ? List.of("no pins") : table.lines();
        }
    }

    /** {@code walrelay pin drop}. */
    @Command(name = "drop", description = "Let go what a pin keeps, unless somebody else needs it.", footer = "  walrelay pin drop monday")
    static final class Drop extends ApiCommand {

        @Parameters(paramLabel = "NAME", description = "As walrelay pin list shows it.")
        private String name = "";

        @Override
        public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            String path = path(this, name);
            try (ApiClient client = api().connect(true)) {
                var _ = client.delete(path);
            }
            answer(Map.of("name", name, "dropped", true), "pin \"%s\" is gone".formatted(name));
            return Main.OK;
        }
    }
}
