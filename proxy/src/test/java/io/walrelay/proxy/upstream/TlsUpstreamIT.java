package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.walrelay.proxy.demo.ClusterSetup;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Servers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * TLS and every login method, against real servers.
 *
 * <p>The server's certificate is for the name localhost, not for 127.0.0.1, and is signed by a CA that nobody knows. Roles: {@code scram}
 * and {@code md5} log in with a password by that method, {@code plain} in clear text, {@code cert} with a client certificate;
 * {@code tlsonly} may come by TLS only, {@code plainonly} only without.
 */
@Timeout(90)
class TlsUpstreamIT {

    @TempDir
    private Path directory;

    private Path root;
    private Path otherRoot;
    private Path clientCert;
    private Path clientKey;
    private Path serverCert;
    private Path serverKey;
    private int relays;

    @BeforeEach
    void makeCertificates() throws Exception {
        X509Bundle ca = authority("walrelay test CA");
        X509Bundle server = new CertificateBuilder().subject("CN=localhost").addSanDnsName("localhost").rsa2048().buildIssuedBy(ca);
        X509Bundle client = new CertificateBuilder().subject("CN=cert").rsa2048().buildIssuedBy(ca);
        root = file("root.crt", ca.getCertificatePEM());
        otherRoot = file("other.crt", authority("another CA").getCertificatePEM());
        serverCert = file("server.crt", server.getCertificatePEM());
        serverKey = file("server.key", server.getPrivateKeyPEM());
        clientCert = file("client.crt", client.getCertificatePEM());
        clientKey = file("client.key", client.getPrivateKeyPEM());
    }

    private static X509Bundle authority(String name) throws Exception {
        return new CertificateBuilder().subject("CN=" + name).rsa2048().setIsCertificateAuthority(true).buildSelfSigned();
    }

    private Path file(String name, String content) throws IOException {
        Path file = Files.writeString(directory.resolve(name), content);
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }

    private LocalPostgres server(int major) {
        ClusterSetup setup = LocalPostgres.of(Servers.version(major))
                .set("ssl", "on")
                .set("ssl_cert_file", serverCert.toString())
                .set("ssl_key_file", serverKey.toString())
                .set("ssl_ca_file", root.toString());
        for (String line : new String[] {
            "host replication scram 127.0.0.1/32 scram-sha-256",
            "host replication md5 127.0.0.1/32 md5",
            "host replication plain 127.0.0.1/32 password",
            "hostssl replication cert 127.0.0.1/32 cert",
            "hostssl replication tlsonly 127.0.0.1/32 trust",
            "hostnossl replication tlsonly 127.0.0.1/32 reject",
            "hostnossl replication plainonly 127.0.0.1/32 trust",
            "hostssl replication plainonly 127.0.0.1/32 reject"
        }) {
            setup.hba(line);
        }
        LocalPostgres server = setup.start();
        server.execute(
                "CREATE ROLE scram LOGIN REPLICATION PASSWORD 'right one'",
                "CREATE ROLE plain LOGIN REPLICATION PASSWORD 'right one'",
                "SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN REPLICATION PASSWORD 'right one'",
                "CREATE ROLE cert LOGIN REPLICATION",
                "CREATE ROLE tlsonly LOGIN REPLICATION",
                "CREATE ROLE plainonly LOGIN REPLICATION");
        return server;
    }

    private TestLink link(LocalPostgres server, String host, String rest) throws IOException {
        return TestLink.start(directory.resolve("data" + relays++), "host=%s port=%d %s".formatted(host, server.port(), rest));
    }

    /** Streams, and says how upstream sees the connection: TLS version, or off. */
    private String streams(LocalPostgres server, String host, String rest) throws IOException {
        try (TestLink relay = link(server, host, rest)) {
            relay.awaitStreaming();
            relay.awaitAllOf(server);
            return server.query("SELECT CASE WHEN ssl THEN version ELSE 'off' END FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)");
        }
    }

    private void fails(LocalPostgres server, String host, String rest, String problem) throws IOException {
        try (TestLink relay = link(server, host, rest)) {
            relay.awaitProblem(problem);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {13, 18})
    void verifiesTheServersCertificateAsSslmodeDemands(int major) throws IOException {
        try (LocalPostgres server = server(major)) {
            assertEquals("TLSv1.3", streams(server, "127.0.0.1", "user=tlsonly sslmode=require"));
            assertEquals("TLSv1.3", streams(server, "127.0.0.1", "user=tlsonly sslmode=verify-ca sslrootcert=" + root));
            assertEquals("TLSv1.3", streams(server, "localhost", "user=tlsonly sslmode=verify-full sslrootcert=" + root));
            assertEquals(
                    "TLSv1.2", streams(server, "localhost", "user=tlsonly sslmode=verify-full ssl_max_protocol_version=TLSv1.2 sslrootcert=" + root));

            fails(server, "localhost", "user=tlsonly sslmode=verify-ca sslrootcert=" + otherRoot, "certificate verify failed");
            // As libpq: a root certificate that is given counts with sslmode=require too.
            fails(server, "localhost", "user=tlsonly sslmode=require sslrootcert=" + otherRoot, "certificate verify failed");
            fails(
                    server,
                    "127.0.0.1",
                    "user=tlsonly sslmode=verify-full sslrootcert=" + root,
                    "certificate verify failed: No subject alternative names matching IP address 127.0.0.1 found");
            fails(server, "127.0.0.1", "user=tlsonly sslmode=disable", "pg_hba.conf rejects replication connection");
        }
    }

    @Test
    void saysWhichFileIsMissing() {
        String conninfo = "host=localhost user=u sslmode=verify-full ";
        assertProblem(conninfo + "sslrootcert=/nonexistent/root.crt", "root certificate file \"/nonexistent/root.crt\" does not exist");
        assertProblem(conninfo + "sslrootcert=" + root + " sslcert=/nonexistent/a.crt sslkey=" + clientKey, "/nonexistent/a.crt");
        assertProblem(conninfo + "sslrootcert=" + root + " sslcert=" + clientCert + " sslkey=/nonexistent/a.key", "/nonexistent/a.key");
        assertProblem(conninfo + "sslrootcert=" + clientKey, "\"" + clientKey + "\"");
    }

    private void assertProblem(String conninfo, String part) {
        IOException e = assertThrows(IOException.class, () -> TestLink.start(directory.resolve("none"), conninfo).close());
        assertTrue(String.valueOf(e.getMessage()).contains(part), e::toString);
    }

    @ParameterizedTest
    @ValueSource(ints = {15, 18})
    void logsInByEveryMethod(int major) throws IOException {
        try (LocalPostgres server = server(major)) {
            String password = "password='right one' ";
            assertEquals("TLSv1.3", streams(server, "127.0.0.1", password + "user=scram sslmode=require channel_binding=require"));
            assertEquals("off", streams(server, "127.0.0.1", password + "user=scram sslmode=disable"));
            assertEquals("off", streams(server, "127.0.0.1", password + "user=md5 sslmode=disable"));
            assertEquals("off", streams(server, "127.0.0.1", password + "user=plain sslmode=disable"));
            assertEquals(
                    "TLSv1.3",
                    streams(server, "localhost", "user=cert sslmode=verify-full sslrootcert=%s sslcert=%s sslkey=%s".formatted(root, clientCert, clientKey)));

            fails(server, "127.0.0.1", "user=cert sslmode=require", "connection requires a valid client certificate");
            fails(server, "127.0.0.1", password + "user=md5 sslmode=require channel_binding=require", "channel binding");
            fails(server, "127.0.0.1", password + "user=plain sslmode=require require_auth=scram-sha-256", "authentication method requirement \"scram-sha-256\" failed");
            fails(server, "127.0.0.1", "user=scram sslmode=disable passfile=/nonexistent", "no password supplied");
        }
    }

    @Test
    void takesThePasswordFromThePasswordFileAsItIsNow() throws IOException {
        try (LocalPostgres server = server(15)) {
            Path passfile = file("pgpass", "127.0.0.1:%d:postgres:scram:not for replication\n127.0.0.1:*:replication:scram:wrong\n".formatted(server.port()));
            try (TestLink relay = link(server, "127.0.0.1", "user=scram sslmode=disable passfile=" + passfile)) {
                relay.awaitProblem("password authentication failed for user \"scram\"");
                file("pgpass", "127.0.0.1:%d:replication:scram:right one\n".formatted(server.port()));
                relay.awaitStreaming();
            }
        }
    }

    @Test
    void negotiatesTlsDirectlyWithServersThatCan() throws IOException {
        try (LocalPostgres server = server(18)) {
            assertEquals(
                    "TLSv1.3", streams(server, "localhost", "user=tlsonly sslmode=verify-full sslnegotiation=direct sslrootcert=" + root));
        }
        try (LocalPostgres server = server(15)) {
            fails(
                    server,
                    "localhost",
                    "user=tlsonly sslmode=require sslnegotiation=direct",
                    "server closed the connection during the handshake; sslnegotiation=direct needs PostgreSQL 17 or later");
        }
    }

    /** SCRAM-SHA-256-PLUS, which is bound to the server's certificate: without it the relay would not go on. */
    @ParameterizedTest
    @ValueSource(ints = {17, 18})
    void bindsTheLoginToTlsThatWasNegotiatedDirectly(int major) throws IOException {
        String bound = "user=scram password='right one' sslmode=verify-full sslnegotiation=direct channel_binding=require require_auth=scram-sha-256"
                + " sslrootcert=" + root;
        try (LocalPostgres server = server(major)) {
            assertEquals("TLSv1.3", streams(server, "localhost", bound));
            assertEquals("TLSv1.2", streams(server, "localhost", bound + " ssl_max_protocol_version=TLSv1.2"));
            fails(server, "localhost", bound.replace("right one", "wrong one"), "password authentication failed for user \"scram\"");
            fails(server, "localhost", bound.replace("user=scram", "user=md5"), "authentication method requirement \"scram-sha-256\" failed");
            fails(server, "localhost", bound.replace("user=scram", "user=tlsonly"), "authentication method requirement \"scram-sha-256\" failed");
        }
    }

    @Test
    void fallsBackAsPreferAndAllowSay() throws IOException {
        try (LocalPostgres server = server(15)) {
            assertEquals("TLSv1.3", streams(server, "127.0.0.1", "user=tlsonly sslmode=prefer"));
            assertEquals("off", streams(server, "127.0.0.1", "user=plainonly sslmode=prefer"));
            assertEquals("TLSv1.3", streams(server, "127.0.0.1", "user=tlsonly sslmode=allow"));
            assertEquals("off", streams(server, "127.0.0.1", "user=plainonly sslmode=allow"));
        }
        try (LocalPostgres server = LocalPostgres.of(Servers.version(15)).start()) {
            assertEquals("off", streams(server, "127.0.0.1", "user=postgres sslmode=prefer"));
            fails(server, "127.0.0.1", "user=postgres sslmode=require", "server does not support SSL, but SSL was required");
        }
    }
}
