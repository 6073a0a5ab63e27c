package io.walrelay.proxy.servers;

import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.conninfo.PassFile;
import io.walrelay.proxy.conninfo.RequireAuth;
import io.walrelay.proxy.conninfo.TlsSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/**
 * A host of a connection string in pgjdbc's terms, for plain SQL.
 *
 * @param properties hold the password: never printed
 */
public record SqlTarget(String host, String url, Properties properties) {

    private static final String DEFAULT_DATABASE = "postgres";

    private static final String CONNECT_SECONDS = "10";

    /**
     * One for each host.
     *
     * @param applicationName what pg_stat_activity shows
     * @throws IOException if there is a password file and it can't be read
     */
    public static List<SqlTarget> of(Conninfo conninfo, String applicationName) throws IOException {
        PassFile passFile = conninfo.passFile().isPresent() ? PassFile.read(conninfo.passFile().get()).passFile() : PassFile.parse(List.of());
        return conninfo.hosts().stream().map(host -> target(conninfo, host, passFile, applicationName)).toList();
    }

    /** The database where the relay runs SQL. */
    public static String database(Conninfo conninfo) {
        return conninfo.database().orElse(DEFAULT_DATABASE);
    }

    private static SqlTarget target(Conninfo conninfo, HostAddress host, PassFile passFile, String applicationName) {
        Properties properties = new Properties();
        properties.setProperty("user", conninfo.user());
        conninfo.passwordFor(host, passFile, true)
                .or(() -> conninfo.passwordFor(host, passFile, false))
                .map(Secret::utf8)
                .ifPresent(password -> properties.setProperty("password", password));
        properties.setProperty("ApplicationName", applicationName);
        String seconds = conninfo.connectTimeout().map(timeout -> Long.toString(timeout.toSeconds())).orElse(CONNECT_SECONDS);
        properties.setProperty("connectTimeout", seconds);
        properties.setProperty("loginTimeout", seconds);
        properties.setProperty("socketTimeout", seconds);
        authentication(conninfo.requireAuth(), properties);
        Optional<Path> socket = host.socket();
        if (socket.isPresent()) {
            properties.setProperty("sslmode", "disable");
            properties.setProperty("socketFactory", UnixSocketFactory.class.getName());
            properties.setProperty("socketFactoryArg", socket.get().toString());
            return new SqlTarget(host.toString(), "jdbc:postgresql://localhost:%d/%s".formatted(host.port(), database(conninfo)), properties);
        }
        tls(conninfo, properties);
        // The name, not the address it may stand for, so that verify-full compares what the relay will compare.
        String name = conninfo.tls().mode() == TlsSettings.Mode.VERIFY_FULL ? host.host() : host.target();
        String bracketed = name.indexOf(':') >= 0 ? "[" + name + "]" : name;
        String url = "jdbc:postgresql://%s:%d/%s".formatted(bracketed, host.port(), database(conninfo));
        return new SqlTarget(host.toString(), url, properties);
    }

    /** pgjdbc knows libpq's words but OAuth, which it never does: allowing it alone is allowing nothing. */
    private static void authentication(RequireAuth required, Properties properties) {
        List<String> allowed = RequireAuth.WORDS.stream().filter(word -> !word.equals("oauth") && required.allows(word)).sorted().toList();
        List<String> denied = RequireAuth.WORDS.stream().filter(word -> !word.equals("oauth") && !required.allows(word)).sorted().toList();
        if (!denied.isEmpty()) {
            properties.setProperty(
                    "requireAuth", allowed.isEmpty() ? String.join(",", denied.stream().map(word -> "!" + word).toList()) : String.join(",", allowed));
        }
    }

    private static void tls(Conninfo conninfo, Properties properties) {
        TlsSettings tls = conninfo.tls();
        // Whether there is TLS is for the driver to see to; what the certificate has to be, for the factory.
        TlsSettings.Mode mode = tls.mode().compareTo(TlsSettings.Mode.REQUIRE) > 0 ? TlsSettings.Mode.REQUIRE : tls.mode();
        properties.setProperty("sslmode", mode.toString());
        properties.setProperty("sslNegotiation", tls.negotiation().toString());
        properties.setProperty("channelBinding", tls.channelBinding().toString());
        TlsSocketFactory.demand(tls, conninfo.userDirectory(), properties);
    }

    @Override
    public String toString() {
        return url;
    }
}
