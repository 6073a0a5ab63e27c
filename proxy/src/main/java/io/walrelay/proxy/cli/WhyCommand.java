package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.http.WhyReport;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code walrelay why}: what keeps a standby from streaming, and the command that mends it. */
@Command(
        name = "why",
        description = "Why a standby can't stream, or is behind, and the command that mends it.",
        exitCodeList = {
            "0:It streams.",
            "1:It does not, or the relay could not be asked.",
            "2:The command line or the configuration can't be understood."
        },
        footer = {"  walrelay why standby1", "  walrelay why 10.0.0.7 --format json"})
final class WhyCommand extends ApiCommand {

    @Parameters(paramLabel = "STANDBY", description = "Its application_name or slot; the address of one without a name.")
    private String standby = "";

    @Override
    public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
        String body;
        try (ApiClient client = api().connect(false)) {
            // A blank in a path is not a plus sign.
            body = client.get("/api/v1/standbys/%s/why".formatted(URLEncoder.encode(standby, StandardCharsets.UTF_8).replace("+", "%20")));
        }
        WhyReport why = ApiClient.read(WhyReport.class, body);
        switch (format()) {
            case JSON -> printJson(body);
            case TEXT -> text(why);
        }
        return why.streams() && why.causes().stream().noneMatch(WhyReport.Cause::stops) ? Main.OK : Main.FAILURE;
    }

    private void text(WhyReport why) {
        if (why.causes().isEmpty()) {
            print("%s streams, and nothing holds it back".formatted(why.standby()));
        }
        for (WhyReport.Cause cause : why.causes()) {
            print("%s: %s".formatted(cause.cause(), cause.sentence()));
            cause.command().ifPresent(command -> print("    " + command));
        }
    }
}
