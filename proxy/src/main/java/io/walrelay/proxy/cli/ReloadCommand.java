package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.http.ReloadReport;
import java.io.IOException;
import picocli.CommandLine.Command;

/** {@code walrelay reload}: has a running relay read its configuration again, as SIGHUP does, and says what came of it. */
@Command(
        name = "reload",
        description = "Have the running relay read its certificates, access rules (listen.hba) and tokens again, as SIGHUP does. Other keys whose value has changed are named: they need a restart.",
        exitCodeList = {
            "0:What could be taken up was.",
            "1:Something is wrong, and nothing has changed; standard error says what.",
            "2:The command line or the configuration can't be understood."
        },
        footer = {"  walrelay reload -c /etc/walrelay.yaml", "  walrelay reload --relay https://relay:8433 --ca-file ca.crt --format json"})
final class ReloadCommand extends ApiCommand {

    @Override
    public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
        try (ApiClient client = api().connect(true)) {
            String body = client.post("/api/v1/reload", "{}");
            answer(body, text(ApiClient.read(ReloadReport.class, body)));
        }
        return Main.OK;
    }

    private static String text(ReloadReport report) {
        String takenUp = report.takenUp().isEmpty() ? "no key that holds at once had changed" : "taken up: " + String.join(", ", report.takenUp());
        String text = "certificates were read again\n" + takenUp;
        return report.needRestart().isEmpty() ? text : "%s\na restart is needed for %s".formatted(text, String.join(", ", report.needRestart()));
    }
}
