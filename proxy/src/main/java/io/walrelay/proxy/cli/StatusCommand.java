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
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code walrelay status}: what a running relay does at the moment. */
@Command(name = "status", description = "What the running relay is doing: upstream, positions, standbys, slots, recent events. Exit status 0: it is ready.")
final class StatusCommand implements Callable<Integer> {

    /** Home, and clear what is below: less flicker than clearing all. */
    private static final String REDRAW = "\033[H\033[J";

    /** How the status is printed. */
    enum Format {
        TEXT,
        JSON
    }

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Mixin
    private final ApiOptions api = new ApiOptions();

    @Option(names = "--watch", description = "Show it anew every second until interrupted.")
    private boolean watch;

    @Option(
            names = "--acknowledged",
            description = "Only the acknowledged position, which a standby has to reach before it is promoted. Exit status 0: there is one, whether the relay is ready or not.")
    private boolean acknowledged;

    @Option(names = "--format", paramLabel = "text|json", defaultValue = "text", description = "How to print (default: ${DEFAULT-VALUE}).")
    private Format format = Format.TEXT;

    @Override
    public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
        if (watch && acknowledged) {
            throw new ParameterException(spec.commandLine(), "expected --watch or --acknowledged, not both");
        }
        try (ApiClient client = api.connect(false)) {
            if (!watch) {
                return show(client.get("/api/v1/status"), "");
            }
            // Nobody counts it down: Ctrl-C ends the process.
            CountDownLatch interrupted = new CountDownLatch(1);
            int shown = show(client.get("/api/v1/status"), REDRAW);
            while (!interrupted.await(1, TimeUnit.SECONDS)) {
                shown = showOrSay(client);
            }
            return shown;
        }
    }

    /** Whoever watches wants to see a restart, too. */
    private int showOrSay(ApiClient client) throws InterruptedException {
        try {
            return show(client.get("/api/v1/status"), REDRAW);
        } catch (IOException e) {
            print(REDRAW + "walrelay: " + e.getMessage() + "\n");
            return Main.FAILURE;
        }
    }

    private int show(String body, String before) throws IOException {
        StatusReport report = ApiClient.read(StatusReport.class, body);
        if (acknowledged) {
            return showAcknowledged(report);
        }
        switch (format) {
            case TEXT -> print(before + StatusText.render(report));
            case JSON -> print(body);
        }
        return report.ready() ? Main.OK : Main.FAILURE;
    }

    private int showAcknowledged(StatusReport report) throws IOException {
        String position = report.upstream().acknowledged().orElseThrow(() -> new IOException("nothing was acknowledged yet: the relay has no WAL"));
        switch (format) {
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
