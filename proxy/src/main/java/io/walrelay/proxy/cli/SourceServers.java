package io.walrelay.proxy.cli;

import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.servers.SqlTarget;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.source.ServerSource;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Properties;

/** Connects to a server that is a rewind's source. */
final class SourceServers {

    /** Listing the files of a large cluster takes its time; one that is silent for longer is gone. */
    private static final String SILENCE_SECONDS = "600";

    private static final String WRONG_PASSWORD = "28P01";

    /** What the driver says when it was asked for one. */
    private static final String NO_PASSWORD = "08004";

    private SourceServers() {}

    /** A host that was reached. The caller closes the connection. */
    private record Reached(SqlTarget target, Connection connection) {}

    /** The first host of {@code conninfo} that can be reached. */
    static ServerSource open(String conninfo, Map<String, String> environment, int jobs) throws IOException, RefusedException {
        Reached reached = reach(conninfo, environment);
        return new ServerSource(reached.target.host(), reached.connection, () -> connect(reached.target), jobs);
    }

    /** Makes a checkpoint there; a standby's is a restartpoint. */
    static void checkpoint(String conninfo, Map<String, String> environment) throws IOException {
        try (Connection connection = reach(conninfo, environment).connection;
                Statement statement = connection.createStatement()) {
            statement.execute("CHECKPOINT");
        } catch (SQLException | RefusedException e) {
            throw new IOException("the target is rewound, but the source made no checkpoint: %s".formatted(e.getMessage()), e);
        }
    }

    private static Connection connect(SqlTarget target) throws SQLException {
        return DriverManager.getConnection(target.url(), properties(target));
    }

    private static Reached reach(String conninfo, Map<String, String> environment) throws IOException, RefusedException {
        Conninfo server = Conninfo.parseAsClient(conninfo, environment);
        RefusedException last = new RefusedException("the source server can't be reached: no host is named");
        for (SqlTarget target : SqlTarget.of(server, server.applicationName().orElse("walrelay rewind"))) {
            try {
                return new Reached(target, connect(target));
            } catch (SQLException e) {
                last = new RefusedException("the source server can't be reached: %s".formatted(reason(e, target)), hint(e));
                last.addSuppressed(e);
            }
        }
        throw last;
    }

    /** The driver's words for whatever goes wrong below it name nothing. */
    private static String reason(SQLException e, SqlTarget target) {
        return switch (e.getCause()) {
            case UnknownHostException _ -> "unknown host in \"%s\"".formatted(target.host());
            case SocketTimeoutException _ -> "no answer from %s".formatted(target.host());
            case null, default -> String.valueOf(e.getMessage());
        };
    }

    private static String hint(SQLException e) {
        return WRONG_PASSWORD.equals(e.getSQLState()) || NO_PASSWORD.equals(e.getSQLState())
                ? "A password is taken from the variable PGPASSWORD, from ~/.pgpass, or from the file that passfile= in --source-server names."
                : "";
    }

    private static Properties properties(SqlTarget target) {
        Properties properties = new Properties();
        properties.putAll(target.properties());
        properties.setProperty("socketTimeout", SILENCE_SECONDS);
        properties.setProperty("tcpKeepAlive", "true");
        // Bytes come as bytes, not as twice as many hexadecimal digits.
        properties.setProperty("prepareThreshold", "-1");
        return properties;
    }
}
