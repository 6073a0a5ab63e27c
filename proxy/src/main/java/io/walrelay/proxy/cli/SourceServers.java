package io.walrelay.proxy.cli;

import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.SqlTarget;
import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.source.ServerSource;
import io.walrelay.rewind.source.SourceSession;
import java.io.IOException;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** Connects to a server that is a rewind's source. */
final class SourceServers {

    /** Listing the files of a large cluster takes its time; one that is silent for longer is gone. */
    private static final String SILENCE_SECONDS = "600";

    private SourceServers() {}

    /** The first host of {@code conninfo} that can be reached. */
    static ServerSource open(String conninfo, Map<String, String> environment, int jobs) throws IOException, RefusedException {
        Conninfo server = Conninfo.parseAsClient(conninfo, environment);
        List<SqlTarget> targets = SqlTarget.of(server, server.applicationName().orElse("walrelay rewind"));
        SQLException last = null;
        for (SqlTarget target : targets) {
            SourceSession.Opener opener = () -> DriverManager.getConnection(target.url(), properties(target));
            try {
                opener.open().close();
            } catch (SQLException e) {
                last = e;
                continue;
            }
            ServerSource source = new ServerSource(target.host(), opener, jobs);
            source.check();
            return source;
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
