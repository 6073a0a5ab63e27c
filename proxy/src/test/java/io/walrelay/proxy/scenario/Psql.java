package io.walrelay.proxy.scenario;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** psql as a replication client: the shortest way to ask a relay something as libpq does. */
record Psql(Programs programs) {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    /** Runs replication commands in one session; the values alone are printed, separated by {@code |}. */
    Programs.Result replication(String conninfo, String... commands) {
        List<String> arguments = new ArrayList<>(List.of("-X", "-w", "-A", "-t"));
        for (String command : commands) {
            arguments.addAll(List.of("-c", command));
        }
        arguments.add(conninfo + " replication=true");
        return programs.run(LIMIT, "psql", arguments.toArray(String[]::new));
    }

    /** Waits until the relay has all that {@code primary} has; everybody must be trusted. */
    void awaitLevel(RelayProcess relay, LocalPostgres primary) {
        Await.until(
                "the relay to hold what the primary has",
                LIMIT,
                () -> replication(relay.conninfo(), "IDENTIFY_SYSTEM").output(),
                position -> position.equals(replication(primary.conninfo(), "IDENTIFY_SYSTEM").orFail()));
    }
}
