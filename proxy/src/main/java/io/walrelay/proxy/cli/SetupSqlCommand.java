package io.walrelay.proxy.cli;

import io.walrelay.proxy.http.Json;
import java.io.PrintWriter;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code walrelay setup-sql}: prints what an existing primary needs before a relay can read from it. */
@Command(
        name = "setup-sql",
        description = "Print the SQL and the pg_hba.conf lines that the primary needs. Nothing is run: paste it into psql as a superuser.",
        footer = {"  walrelay setup-sql --auth-query --address 10.0.0.7/32 | psql -d postgres"})
final class SetupSqlCommand implements Callable<Integer> {

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Option(names = "--user", paramLabel = "NAME", defaultValue = "walrelay", description = "The relay's role (default: ${DEFAULT-VALUE}).")
    private String user = "walrelay";

    @Option(
            names = "--address",
            paramLabel = "CIDR",
            description = "Where the relay connects from, for pg_hba.conf, like 10.0.0.7/32. Without it, a place to fill in.")
    private Optional<String> address = Optional.empty();

    @Option(
            names = "--auth-query",
            description = "Also a function by which the relay reads the password verifiers of the standbys' roles, so that they log in to it as they do to the primary.")
    private boolean authQuery;

    @Option(
            names = "--slot-follows-own",
            description = "Also what a relay with upstream.slot-follows: own needs: it moves its slot by SQL.")
    private boolean slotFollowsOwn;

    @Mixin
    private final FormatOption format = new FormatOption();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        String script = SetupSql.script(user, address.orElse("<relay-address>/32"), authQuery, slotFollowsOwn);
        switch (format.get()) {
            case TEXT -> out.print(script);
            case JSON -> out.println(Json.MAPPER.writeValueAsString(Map.of("sql", script)));
        }
        out.flush();
        return Main.OK;
    }
}
