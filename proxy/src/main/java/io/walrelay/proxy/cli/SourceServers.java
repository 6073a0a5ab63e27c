package io.walrelay.proxy.cli;

import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.SqlTarget;
import io.walrelay.rewind.source.ServerSource;
import java.io.IOException;
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

    private SourceServers() {}

    /** The first host of {@code conninfo} that can be reached. */
    static ServerSource open(String conninfo, Map<String, String> environment, int jobs) throws IOException {
        SqlTarget target = reachable(conninfo, environment);
        return new ServerSource(target.host(), () -> DriverManager.getConnection(target.url(), properties(target)), jobs);
    }

    /** Makes a checkpoint there; a standby's is a restartpoint. */
    static void checkpoint(String conninfo, Map<String, String> environment) throws IOException {
        SqlTarget target = reachable(conninfo, environment);
        try (Connection connection = DriverManager.getConnection(target.url(), properties(target));
                Statement statement = connection.createStatement()) {
            statement.execute("CHECKPOINT");
        } catch (SQLException e) {
            throw new IOException("the target is rewound, but the source made no checkpoint: %s".formatted(e.getMessage()), e);
        }
    }

    private static SqlTarget reachable(String conninfo, Map<String, String> environment) throws IOException {
        Conninfo server = Conninfo.parseAsClient(conninfo, environment);
        SQLException last = null;
        for (SqlTarget target : SqlTarget.of(server, server.applicationName().orElse("walrelay rewind"))) {
            try (Connection _ = DriverManager.getConnection(target.url(), properties(target))) {
                return target;
            } catch (SQLException e) {
                last = e;
            }
        }
        throw new IOException("the source server can't be reached: %s".formatted(last == null ? "no host is named" : last.getMessage()), last);
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
