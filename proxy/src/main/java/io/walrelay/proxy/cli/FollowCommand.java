package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.state.FollowOrder;
import java.io.IOException;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;

/** {@code walrelay follow}: tells a running relay which upstream to read from. */
@Command(
        name = "follow",
        description = "Change the upstream of the running relay: to a host, or to a timeline wherever it is found.",
        exitCodeList = {
            "0:The relay took the order; walrelay status shows what comes of it.",
            "1:It did not.",
            "2:The command line or the configuration can't be understood."
        },
        footer = {"  walrelay follow pg2", "  walrelay follow pg2:5433", "  walrelay follow 3@0/3002830"})
final class FollowCommand extends ApiCommand {

    @Parameters(paramLabel = "HOST[:PORT] | TIMELINE[@LSN]", description = "The host; or the timeline, with where it begins when its number was taken twice.")
    private String order = "";

    @Override
    public Integer call() throws InvalidSettingsException, IOException, InterruptedException {
        FollowOrder parsed;
        try {
            parsed = FollowOrder.parse(order);
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()), e);
        }
        try (ApiClient client = api().connect(true)) {
            client.post("/api/v1/upstream", JsonMapper.shared().writeValueAsString(Map.of("follow", parsed.toString())));
        }
        answer(Map.of("follow", parsed.toString()), "the relay goes over to " + parsed);
        return Main.OK;
    }
}
