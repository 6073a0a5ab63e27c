package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code walrelay status}: what a running relay does at the moment. */
@Command(
        name = "status",
        description = "What the running relay is doing: upstream, positions, standbys, slots, recent events. On a terminal in colours, unless NO_COLOR is set.",
        exitCodeList = {
            "0:The relay is ready; with --acknowledged, there is such a position.",
            "1:It is not, or could not be asked.",
            "2:The command line or the configuration can't be understood."
        },
        footer = {
            "  walrelay status",
            "  walrelay status --watch",
            "  walrelay status --watch=10 --format json --relay https://relay:8433",
            "  walrelay status --acknowledged"
        })
final class StatusCommand implements Callable<Integer> {

    /** Home; what is left of a line, and below the last one, is cleared after it was written: less flicker than clearing all. */
    private static final String HOME = "\033[H";

    private static final String CLEAR_LINE = "\033[K";
    private static final String CLEAR_BELOW = "\033[J";

    private final boolean terminal = Terminal.is();
    private final boolean colours = Terminal.colours(terminal, System.getenv());

    private static final int LONGEST_WATCH = 3_600;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Mixin
    private final ApiOptions api = new ApiOptions();

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            arity = "0..1",
            fallbackValue = "1",
            description = "Show it anew every so many seconds (default: 1) until interrupted; with --format json, on a line each.")
    private @Nullable Integer watch;

    @Option(
            names = "--acknowledged",
            description = "Only the acknowledged position, which a standby has to reach before it is promoted.")
    private boolean acknowledged;

    @Mixin
    private final FormatOption format = new FormatOption();

    @Override
    public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
        if (watch != null && acknowledged) {
            throw new ParameterException(spec.commandLine(), "expected --watch or --acknowledged, not both");
        }
        if (watch != null && (watch < 1 || watch > LONGEST_WATCH)) {
            throw new ParameterException(spec.commandLine(), "--watch %d: expected 1 to %d seconds".formatted(watch, LONGEST_WATCH));
        }
        try (ApiClient client = api.connect(false)) {
            return watch == null ? show(client.get("/api/v1/status"), "") : watch(client, watch);
        }
    }

    private int watch(ApiClient client, int seconds) throws IOException, InterruptedException {
        // Nobody counts it down: Ctrl-C ends the process.
        CountDownLatch interrupted = new CountDownLatch(1);
        int shown = show(client.get("/api/v1/status"), terminal ? HOME + CLEAR_BELOW : "");
        while (!interrupted.await(seconds, TimeUnit.SECONDS)) {
            shown = showOrSay(client);
        }
        return shown;
    }

    /** Whoever watches wants to see a restart, too. */
    private int showOrSay(ApiClient client) throws InterruptedException {
        try {
            return show(client.get("/api/v1/status"), terminal ? HOME : "\n");
        } catch (IOException e) {
            String problem = "walrelay: " + e.getMessage();
            switch (format.get()) {
                case TEXT -> print((terminal ? HOME + CLEAR_BELOW : "\n") + problem + "\n");
                case JSON -> spec.commandLine().getErr().println(problem);
            }
            return Main.FAILURE;
        }
    }

    private int show(String body, String before) throws IOException {
        StatusReport report = ApiClient.read(StatusReport.class, body);
        if (acknowledged) {
            return showAcknowledged(report);
        }
        switch (format.get()) {
            case TEXT -> print(before + page(StatusText.render(report, colours)));
            case JSON -> print(Piece.escaped(body.stripTrailing()) + "\n");
        }
        return report.ready() ? Main.OK : Main.FAILURE;
    }

    private String page(String text) {
        return watch != null && terminal ? text.replace("\n", CLEAR_LINE + "\n") + CLEAR_BELOW : text;
    }

    private int showAcknowledged(StatusReport report) throws IOException {
        String position = report.upstream().acknowledged().orElseThrow(() -> new IOException("nothing was acknowledged yet: the relay has no WAL"));
        switch (format.get()) {
            case TEXT -> print(position + "\n");
            case JSON -> {
                Map<String, String> fields = new LinkedHashMap<>();
                fields.put("acknowledged", position);
                report.wal().ifPresent(wal -> fields.put("lineage", wal.lineage()));
                print(Json.MAPPER.writeValueAsString(fields) + "\n");
            }
        }
        return Main.OK;
    }

    private void print(String text) {
        PrintWriter out = spec.commandLine().getOut();
        out.print(text);
        out.flush();
    }
}
