package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.http.ReloadReport;
import java.io.IOException;
import picocli.CommandLine.Command;

/** {@code walrelay reload}: has a running relay read its configuration again, as SIGHUP does, and says what came of it. */
@Command(
        name = "reload",
        description = "Have the running relay read its certificates, access rules (listen.hba) and tokens again, as SIGHUP does. Other keys are named that need a restart. Exit status 1: something is wrong, and nothing has changed.")
final class ReloadCommand extends ApiCommand {

    @Override
    public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
        try (ApiClient client = api().connect(true)) {
            ReloadReport report = ApiClient.read(ReloadReport.class, client.post("/api/v1/reload", "{}"));
            print("certificates were read again");
            print(report.takenUp().isEmpty() ? "no key that holds at once had changed" : "taken up: " + String.join(", ", report.takenUp()));
            if (!report.needRestart().isEmpty()) {
                print("a restart is needed for " + String.join(", ", report.needRestart()));
            }
        }
        return Main.OK;
    }
}
