package io.walrelay.proxy.servers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.demo.ClusterSetup;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * SQL sessions keep to what a connection string says of TLS, as streams do: against real servers, whose certificate is for 127.0.0.1 and not for localhost.
 * Roles: {@code scram} has a password, {@code cert} a certificate; {@code tlsonly} may come by TLS only, {@code plainonly} only without.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SqlTlsIT {

    @TempDir
    private Path directory;

    private Certificates certificates;
    private Certificates.Pair serverPair;

    @BeforeEach
    void makeCertificates() throws Exception {
        certificates = Certificates.in(directory);
        serverPair = certificates.issue("server");
    }

    private LocalPostgres server(int major) {
        ClusterSetup setup = LocalPostgres.of(Servers.version(major))
                .set("ssl", "on")
                .set("ssl_cert_file", serverPair.certificate().toString())
                .set("ssl_key_file", serverPair.key().toString())
                .set("ssl_ca_file", certificates.authority().toString());
        for (String line : new String[] {
            "host all scram 127.0.0.1/32 scram-sha-256",
            "hostssl all cert 127.0.0.1/32 cert",
            "hostssl all tlsonly 127.0.0.1/32 trust",
            "hostnossl all tlsonly 127.0.0.1/32 reject",
            "hostnossl all plainonly 127.0.0.1/32 trust",
            "hostssl all plainonly 127.0.0.1/32 reject"
        }) {
            setup.hba(line);
        }
        LocalPostgres server = setup.start();
        server.execute(
                "CREATE ROLE scram LOGIN PASSWORD 'right one'", "CREATE ROLE cert LOGIN", "CREATE ROLE tlsonly LOGIN", "CREATE ROLE plainonly LOGIN");
        return server;
    }

    private Connection connect(LocalPostgres server, String host, String rest) throws IOException, SQLException {
        Map<String, String> environment = Map.of("HOME", directory.resolve("home").toString());
        SqlTarget target = SqlTarget.of(Conninfo.parse("host=%s port=%d %s".formatted(host, server.port(), rest), environment), "test").getFirst();
        return DriverManager.getConnection(target.url(), target.properties());
    }

    /** The version of TLS that the server sees, or off. */
    private String sees(LocalPostgres server, String host, String rest) throws IOException, SQLException {
        try (Connection connection = connect(server, host, rest);
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT CASE WHEN ssl THEN version ELSE 'off' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()")) {
            row.next();
            return row.getString(1);
        }
    }

    private void fails(LocalPostgres server, String host, String rest, String problem) {
        SQLException e = assertThrows(SQLException.class, () -> connect(server, host, rest).close());
        assertTrue(String.valueOf(e.getMessage()).contains(problem), () -> "%s, %s".formatted(e, e.getCause()));
    }

    @ParameterizedTest
    @ValueSource(ints = {13, 18})
    void verifiesTheServersCertificateAsSslmodeDemands(int major) throws Exception {
        Path other = Certificates.in(Files.createDirectory(directory.resolve("other"))).authority();
        Path own = certificates.authority();
        try (LocalPostgres server = server(major)) {
            assertEquals("TLSv1.3", sees(server, "localhost", "user=tlsonly sslmode=require"));
            assertEquals("TLSv1.3", sees(server, "localhost", "user=tlsonly sslmode=verify-ca sslrootcert=" + own));
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", "user=tlsonly sslmode=verify-full sslrootcert=" + own));
            assertEquals("TLSv1.2", sees(server, "127.0.0.1", "user=tlsonly sslmode=verify-full ssl_max_protocol_version=TLSv1.2 sslrootcert=" + own));

            fails(server, "127.0.0.1", "user=tlsonly sslmode=verify-ca sslrootcert=" + other, "certificate verify failed");
            fails(server, "localhost", "user=tlsonly sslmode=verify-full sslrootcert=" + own, "certificate verify failed: No name matching localhost found");
            fails(server, "127.0.0.1", "user=tlsonly sslmode=verify-full sslrootcert=/nonexistent/root.crt", "root certificate file \"/nonexistent/root.crt\" does not exist");
            fails(server, "127.0.0.1", "user=tlsonly sslmode=verify-ca", "root.crt\" does not exist");
            // As libpq: a root certificate that is given, or lies where libpq looks for one, counts with sslmode=require too.
            fails(server, "127.0.0.1", "user=tlsonly sslmode=require sslrootcert=" + other, "certificate verify failed");
            Path home = Files.createDirectories(directory.resolve("home/.postgresql"));
            Files.copy(other, home.resolve("root.crt"));
            fails(server, "127.0.0.1", "user=tlsonly sslmode=require", "certificate verify failed");
        }
    }

    @Test
    void takesNoCertificateThatWasRevoked() throws Exception {
        Path list = certificates.revoke(certificates.issue("another"));
        try (LocalPostgres server = server(15)) {
            String verified = "user=tlsonly sslmode=verify-ca sslrootcert=%s sslcrl=%s".formatted(certificates.authority(), list);
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", verified));
            certificates.revoke(serverPair);
            fails(server, "127.0.0.1", verified, "certificate verify failed: Certificate has been revoked");
        }
    }

    @Test
    void logsInByPasswordBoundToTheCertificateAndByCertificate() throws Exception {
        Certificates.Pair client = certificates.issue("cert");
        try (LocalPostgres server = server(18)) {
            String scram = "user=scram password='right one' channel_binding=require sslmode=";
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", scram + "require"));
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", scram + "verify-full sslnegotiation=direct sslrootcert=" + certificates.authority()));
            fails(server, "127.0.0.1", scram.replace("right", "wrong") + "require", "password authentication failed for user \"scram\"");
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", "user=cert sslmode=require sslcert=%s sslkey=%s".formatted(client.certificate(), client.key())));
            fails(server, "127.0.0.1", "user=cert sslmode=require", "connection requires a valid client certificate");

            Path der = certificates.inDer(client, "");
            Path encrypted = certificates.inDer(client, "a password");
            String byDer = "user=cert sslmode=require sslcert=%s sslkey=".formatted(client.certificate());
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", byDer + der));
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", byDer + encrypted + " sslpassword='a password'"));
            fails(server, "127.0.0.1", byDer + encrypted, "could not read private key file \"%s\"".formatted(encrypted));
        }
    }

    @Test
    void fallsBackAsPreferAndAllowSay() throws Exception {
        try (LocalPostgres server = server(15)) {
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", "user=tlsonly sslmode=prefer"));
            assertEquals("off", sees(server, "127.0.0.1", "user=plainonly sslmode=prefer"));
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", "user=tlsonly sslmode=allow"));
            assertEquals("off", sees(server, "127.0.0.1", "user=plainonly sslmode=allow"));
            // With these nobody asks whose the certificate is: libpq would go on without TLS where it is not trusted.
            Path home = Files.createDirectories(directory.resolve("home/.postgresql"));
            Files.copy(Certificates.in(Files.createDirectory(directory.resolve("other"))).authority(), home.resolve("root.crt"));
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", "user=tlsonly sslmode=prefer"));
            assertEquals("TLSv1.3", sees(server, "127.0.0.1", "user=tlsonly sslmode=allow"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void manyBytesComeAsTheyWent(String version) throws Exception {
        byte[] sent = new byte[20_000_000];
        new Random(1).nextBytes(sent);
        try (LocalPostgres server = server(15);
                Connection connection = connect(server, "127.0.0.1", "user=tlsonly sslmode=require ssl_max_protocol_version=" + version);
                var echo = connection.prepareStatement("SELECT ?::bytea")) {
            echo.setBytes(1, sent);
            try (ResultSet row = echo.executeQuery()) {
                row.next();
                assertEquals(Arrays.hashCode(sent), Arrays.hashCode(row.getBytes(1)));
            }
        }
    }
}
