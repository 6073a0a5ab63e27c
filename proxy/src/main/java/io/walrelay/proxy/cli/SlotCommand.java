package io.walrelay.proxy.cli;

import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.command.SlotName;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.UpstreamSettings;
import io.walrelay.proxy.http.ImportedSlot;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.servers.SqlTarget;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
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

/** {@code walrelay slot}: the physical slots that standbys have on the relay. */
@Command(
        name = "slot",
        description = "The physical slots that standbys have on the relay.",
        footer = "  walrelay slot list",
        synopsisSubcommandLabel = "list|create|copy|drop|import",
        subcommands = {SlotCommand.ListAll.class, SlotCommand.Create.class, SlotCommand.Copy.class, SlotCommand.Drop.class, SlotCommand.Import.class})
final class SlotCommand implements Callable<Integer> {

    private static final String PATH = "/api/v1/slots";

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        throw new ParameterException(spec.commandLine(), "expected list, create, copy, drop or import");
    }

    /** The path of one; a name that can't be a slot's is a slip of the pen. */
    private static String path(ApiCommand command, String name) {
        try {
            return PATH + "/" + new SlotName(name).value();
        } catch (CommandError e) {
            throw command.wrong(e.diagnostic().message() + e.diagnostic().hint().map("; "::concat).orElse(""), e);
        }
    }

    private static String kept(StatusReport.Slot slot) {
        return slot.restartLsn().map(lsn -> "keeps WAL from %s on".formatted(lsn)).orElse("keeps no WAL before its standby has come");
    }

    /** {@code walrelay slot list}. */
    @Command(name = "list", description = "Which slots there are, and what is kept for them.", footer = "  walrelay slot list --format json")
    static final class ListAll extends ApiCommand {

        @Override
        public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            String body;
            try (ApiClient client = api().connect(false)) {
                body = client.get(PATH);
            }
            switch (format()) {
                case JSON -> printJson(body);
                case TEXT -> {
                    List<StatusReport.Slot> slots = Arrays.asList(ApiClient.read(StatusReport.Slot[].class, body));
                    List<String> lines = slots.isEmpty() ? List.of("no slots") : StatusText.slots(slots, Instant.now());
                    lines.forEach(this::print);
                }
            }
            return Main.OK;
        }
    }

    /** {@code walrelay slot create}. */
    @Command(
            name = "create",
            description = "Make a slot, which keeps WAL from the redo of the last checkpoint on: what a base backup that begins now needs.",
            footer = "  walrelay slot create standby1")
    static final class Create extends ApiCommand {

        @Parameters(paramLabel = "NAME", description = "What the slot is called: lower-case letters, digits and _.")
        private String name = "";

        @Option(names = "--no-reserve", description = "Keep no WAL before its standby has come.")
        private boolean noReserve;

        @Override
        public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            String path = path(this, name);
            String body = Json.MAPPER.writeValueAsString(Map.of("reserve_wal", !noReserve));
            try (ApiClient client = api().connect(true)) {
                String made = client.put(path, body);
                answer(made, "slot \"%s\" %s".formatted(name, kept(ApiClient.read(StatusReport.Slot.class, made))));
            }
            return Main.OK;
        }
    }

    /** {@code walrelay slot copy}. */
    @Command(
            name = "copy",
            description = "Make a slot that keeps WAL from where another one does.",
            footer = "  walrelay slot copy standby1 standby2")
    static final class Copy extends ApiCommand {

        @Parameters(index = "0", paramLabel = "SOURCE", description = "The slot to copy.")
        private String source = "";

        @Parameters(index = "1", paramLabel = "NAME", description = "What the copy is called.")
        private String name = "";

        @Option(names = "--persistent", description = "Make a persistent copy of a temporary slot, too.")
        private boolean persistent;

        @Override
        public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            String path = path(this, name);
            Map<String, Object> request = new LinkedHashMap<>(Map.of("copy_of", source));
            if (persistent) {
                request.put("temporary", false);
            }
            try (ApiClient client = api().connect(true)) {
                String made = client.put(path, Json.MAPPER.writeValueAsString(request));
                answer(made, "slot \"%s\" is a copy of \"%s\" and %s".formatted(name, source, kept(ApiClient.read(StatusReport.Slot.class, made))));
            }
            return Main.OK;
        }
    }

    /** {@code walrelay slot drop}. */
    @Command(
            name = "drop",
            description = "Drop a slot of the relay that nobody uses; or, with --upstream, the relay's own slot on all servers of upstream, once the relay is stopped for good.",
            footer = {"  walrelay slot drop standby1", "  walrelay slot drop --upstream \"host=pg1,pg2 user=walrelay\""})
    static final class Drop extends ApiCommand {

        @Parameters(paramLabel = "NAME", arity = "0..1", description = "As walrelay slot list shows it.")
        private @Nullable String name;

        @Option(
                names = "--skip-unreachable",
                description = "With --upstream: drop it although a server can't be asked, which may have it then still. Only when no relay uses the slot there: that would make it anew.")
        private boolean skipUnreachable;

        @Override
        public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            String slot = name;
            if (slot == null) {
                if (!api().namesUpstream()) {
                    throw wrong("expected the NAME of a slot of the relay, or --upstream for the relay's own");
                }
                UpstreamSettings upstream = api().upstream();
                List<SqlTarget> servers = SqlTarget.of(upstream.conninfo(), "walrelay slot drop");
                return dropOwn(upstream.slot(), servers) ? Main.OK : Main.FAILURE;
            }
            if (api().namesUpstream()) {
                throw wrong("expected the NAME of a slot of the relay or --upstream, not both; the relay's own slot is named by upstream.slot");
            }
            if (skipUnreachable) {
                throw wrong("expected --upstream with --skip-unreachable, not the NAME of a slot of the relay");
            }
            String path = path(this, slot);
            try (ApiClient client = api().connect(true)) {
                var _ = client.delete(path);
            }
            answer(Map.of("name", slot, "dropped", true), "slot \"%s\" is gone".formatted(slot));
            return Main.OK;
        }

        private boolean dropOwn(String slot, List<SqlTarget> servers) {
            List<String> lines = new ArrayList<>();
            boolean dropped = OwnSlot.drop(slot, servers, skipUnreachable, format() == FormatOption.Format.JSON ? lines::add : this::print);
            if (format() == FormatOption.Format.JSON) {
                printJson(Json.MAPPER.writeValueAsString(Map.of("name", slot, "dropped", dropped, "servers", lines)));
            }
            return dropped;
        }
    }

    /** {@code walrelay slot import}. */
    @Command(
            name = "import",
            description = "Take over the slots that standbys have on the primary, at the same positions, so that they can go on at the relay. The primary's stay as they are.",
            exitCodeList = {
                "0:The relay has all of them.",
                "1:One was refused, or the relay or the primary could not be asked.",
                "2:The command line or the configuration can't be understood."
            },
            footer = {"  walrelay slot import", "  walrelay slot import standby1 standby2"})
    static final class Import extends ApiCommand {

        private static final String REFUSED = "refused";

        @Parameters(paramLabel = "NAME", arity = "0..*", description = "Which slots (default: all physical ones but the relay's own).")
        private List<String> names = new ArrayList<>();

        @Override
        public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
            UpstreamSettings upstream = api().upstream();
            PrimarySlots found = PrimarySlots.read(SqlTarget.of(upstream.conninfo(), "walrelay slot import"), upstream.slot()).only(names);
            if (found.slots().isEmpty()) {
                answer("[]", "no physical slots on %s but the relay's own".formatted(found.host()));
                return Main.OK;
            }
            List<ImportedSlot> done = new ArrayList<>();
            try (ApiClient client = api().connect(true)) {
                for (Map<String, Object> request : found.requests()) {
                    done.addAll(Arrays.asList(ApiClient.read(ImportedSlot[].class, client.post(PATH, Json.MAPPER.writeValueAsString(request)))));
                }
            }
            TextTable table = new TextTable("slot", "outcome", "from", "");
            done.forEach(slot -> table.row(slot.name(), slot.outcome(), slot.restartLsn().orElse("-"), slot.reason().orElse("")));
            answer(
                    Json.MAPPER.writeValueAsString(done),
                    "%s%non %s they hold WAL until they are dropped there, once their standbys stream from the relay".formatted(String.join("\n", table.lines()), found.host()));
            return done.stream().anyMatch(slot -> slot.outcome().equals(REFUSED)) ? Main.FAILURE : Main.OK;
        }
    }
}
