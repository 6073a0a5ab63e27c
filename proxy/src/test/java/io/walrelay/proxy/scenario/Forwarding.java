package io.walrelay.proxy.scenario;

import io.walrelay.proxy.demo.ClusterSetup;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.demo.PostgresBinaries;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A server and a relay whose clients log in by scram-sha-256 at both: app (SQL), repl (replication), both with the
 * password of {@link #conninfo}.
 */
final class Forwarding {

    static final Duration LIMIT = Duration.ofSeconds(60);

    private static final String PASSWORD = "right one";

    private Forwarding() {}

    static ClusterSetup primary(Programs programs) {
        return primary(programs.server());
    }

    static ClusterSetup primary(PostgresBinaries server) {
        return LocalPostgres.of(server)
                .name("primary")
                .set("wal_level", "logical")
                .hba("host all,replication app,repl 127.0.0.1/32 scram-sha-256");
    }

    static void makeRoles(LocalPostgres primary) {
        primary.execute(
                "SET password_encryption = 'scram-sha-256'",
                "CREATE ROLE app LOGIN PASSWORD '%s'".formatted(PASSWORD),
                "CREATE ROLE repl LOGIN REPLICATION PASSWORD '%s'".formatted(PASSWORD),
                "GRANT ALL ON SCHEMA public TO app, repl");
    }

    /** Not started. Reads verifiers from upstream; user postgres may replicate without a password, for looks. */
    static RelayProcess relay(String upstream, Path data) {
        return RelayProcess.of(upstream, "relay", data)
                .with("WALRELAY_LISTEN_HBA", "host replication postgres 127.0.0.1/32 trust;host all,replication all 127.0.0.1/32 scram-sha-256")
                .with(
                        "WALRELAY_LISTEN_USERS_AUTH_QUERY_QUERY",
                        "SELECT rolname, rolpassword, rolreplication, rolcanlogin, NULL::timestamptz FROM pg_authid WHERE rolname = $1");
    }

    static String conninfo(RelayProcess relay, String user) {
        return "host=127.0.0.1 port=%d user=%s password='%s'".formatted(relay.port(), user, PASSWORD);
    }

    /** As {@link #conninfo}, to database postgres. */
    static String sql(RelayProcess relay, String user) {
        return conninfo(relay, user) + " dbname=postgres";
    }

    static Programs.Result psql(Programs programs, String conninfo, String... commands) {
        String[] arguments = new String[5 + 2 * commands.length];
        arguments[0] = "-X";
        arguments[1] = "-w";
        arguments[2] = "-A";
        arguments[3] = "-t";
        for (int i = 0; i < commands.length; i++) {
            arguments[4 + 2 * i] = "-c";
            arguments[5 + 2 * i] = commands[i];
        }
        arguments[arguments.length - 1] = conninfo;
        return programs.run(LIMIT, "psql", arguments);
    }
}
