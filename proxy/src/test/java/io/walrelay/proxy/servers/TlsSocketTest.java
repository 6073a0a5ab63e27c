package io.walrelay.proxy.servers;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.handler.ssl.SslProvider;
import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.walrelay.proxy.conninfo.Conninfo;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What a driver does with a socket, over TLS: the other side is the JDK's. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TlsSocketTest {

    private static final String REQUIRE = "host=localhost user=u sslmode=require";

    private static SSLContext server;

    @BeforeAll
    static void makeCertificate() throws Exception {
        X509Bundle authority = new CertificateBuilder().subject("CN=an authority").rsa2048().setIsCertificateAuthority(true).buildSelfSigned();
        X509Bundle own = new CertificateBuilder().subject("CN=localhost").addSanDnsName("localhost").rsa2048().buildIssuedBy(authority);
        server = SSLContext.getInstance("TLS");
        server.init(own.toKeyManagerFactory().getKeyManagers(), null, null);
    }

    /** What a server does with a connection. */
    private interface Role {
        void play(SSLSocket client) throws Exception;
    }

    /** A connection, and what becomes of the server's side of it. */
    private record Played(TlsSocket socket, CompletableFuture<Void> server) implements Closeable {

        void awaitServer() throws Exception {
            server.get(30, TimeUnit.SECONDS);
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private static Played connect(String conninfo, Role role) throws Exception {
        return connect(conninfo, SslProvider.OPENSSL, role);
    }

    private static Played connect(String conninfo, SslProvider by, Role role) throws Exception {
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CompletableFuture<Void> played = new CompletableFuture<>();
            Socket below = new Socket(InetAddress.getLoopbackAddress(), listening.getLocalPort());
            Socket accepted = listening.accept();
            Thread.ofPlatform().daemon().start(() -> {
                try (SSLSocket client = (SSLSocket) server.getSocketFactory().createSocket(accepted, null, accepted.getPort(), true)) {
                    client.setUseClientMode(false);
                    role.play(client);
                    played.complete(null);
                } catch (Throwable e) {
                    played.completeExceptionally(e);
                }
            });
            return new Played(new TlsSocket(TlsClient.of(Conninfo.parse(conninfo, Map.of()).tls(), Optional.empty(), by), below, "localhost", below.getPort()), played);
        }
    }

    /** Sends back what comes, until there is no more. */
    private static void echo(SSLSocket client) throws IOException {
        byte[] piece = new byte[40_000];
        for (int n = client.getInputStream().read(piece); n > 0; n = client.getInputStream().read(piece)) {
            client.getOutputStream().write(piece, 0, n);
        }
    }

    @ParameterizedTest
    @CsvSource({"TLSv1.2, OPENSSL", "TLSv1.3, OPENSSL", "TLSv1.2, JDK", "TLSv1.3, JDK"})
    void bytesComeAsTheyWent(String version, SslProvider by) throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[] sent = new byte[3_000_000];
        random.nextBytes(sent);
        try (Played played = connect(REQUIRE + " ssl_min_protocol_version=%1$s ssl_max_protocol_version=%1$s".formatted(version), by, TlsSocketTest::echo)) {
            TlsSocket socket = played.socket;
            socket.startHandshake();
            assertEquals(version, socket.getSession().getProtocol());
            Thread writer = Thread.ofPlatform().start(() -> {
                try {
                    OutputStream out = socket.getOutputStream();
                    out.write(sent[0]);
                    for (int at = 1; at < sent.length; ) {
                        int n = Math.min(random.nextInt(100_000), sent.length - at);
                        out.write(sent, at, n);
                        at += n;
                    }
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            byte[] received = new DataInputStream(socket.getInputStream()).readNBytes(sent.length);
            writer.join();
            assertArrayEquals(sent, received, "seed " + seed);
            // Said goodbye to, the server's side ends without a fault.
            socket.close();
            played.awaitServer();
        }
    }

    /** After a silence that was too long for the reader, all that comes is there. */
    @Test
    void aReadThatTimesOutLosesNothing() throws Exception {
        CountDownLatch timedOut = new CountDownLatch(1);
        byte[] sent = new byte[100_000];
        new Random(1).nextBytes(sent);
        try (Played played = connect(REQUIRE, client -> {
            client.getOutputStream().write(sent, 0, 50_000);
            timedOut.await();
            client.getOutputStream().write(sent, 50_000, 50_000);
            client.getInputStream().read();
        })) {
            TlsSocket socket = played.socket;
            socket.startHandshake();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] first = in.readNBytes(50_000);
            socket.setSoTimeout(20);
            assertThrows(SocketTimeoutException.class, in::read);
            timedOut.countDown();
            socket.setSoTimeout(30_000);
            byte[] rest = in.readNBytes(50_000);
            assertEquals(Arrays.hashCode(sent), Arrays.hashCode(concatenated(first, rest)));
        }
    }

    private static byte[] concatenated(byte[] first, byte[] rest) {
        byte[] all = Arrays.copyOf(first, first.length + rest.length);
        System.arraycopy(rest, 0, all, first.length, rest.length);
        return all;
    }

    /** With TLS 1.3 a second handshake of the JDK's is a request for new keys, which has to be answered in kind. */
    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"OPENSSL", "JDK"})
    void aServerMayChangeKeys(SslProvider by) throws Exception {
        try (Played played = connect(REQUIRE, by, client -> {
            for (int i = 0; i < 20; i++) {
                client.getOutputStream().write(i);
                client.startHandshake();
                assertEquals(i, client.getInputStream().read());
            }
        })) {
            played.socket.startHandshake();
            for (int i = 0; i < 20; i++) {
                int read = played.socket.getInputStream().read();
                assertEquals(i, read);
                played.socket.getOutputStream().write(read);
            }
            played.awaitServer();
        }
    }

    @Test
    void theEndOfAServerIsTheEndOfTheStream() throws Exception {
        try (Played played = connect(REQUIRE, client -> client.getOutputStream().write(7))) {
            played.socket.startHandshake();
            assertEquals(7, played.socket.getInputStream().read());
            assertEquals(-1, played.socket.getInputStream().read());
            assertEquals(-1, played.socket.getInputStream().read());
        }
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"OPENSSL", "JDK"})
    void whoClosesEndsWhoReads(SslProvider by) throws Exception {
        try (Played played = connect(REQUIRE, by, client -> {
            client.getOutputStream().write(7);
            client.getInputStream().read();
        })) {
            TlsSocket socket = played.socket;
            socket.startHandshake();
            assertEquals(7, socket.getInputStream().read());
            CompletableFuture<Integer> read = CompletableFuture.supplyAsync(() -> {
                try {
                    return socket.getInputStream().read();
                } catch (IOException closed) {
                    return -1;
                }
            });
            socket.close();
            assertEquals(-1, read.get(30, TimeUnit.SECONDS));
            assertTrue(socket.isClosed());
            assertThrows(IOException.class, () -> socket.getOutputStream().write(1));
            assertThrows(IOException.class, () -> socket.getInputStream().read());
        }
    }

    /** Against a peer that takes nothing. */
    @Test
    void whoClosesEndsWhoWrites() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        try (Played played = connect(REQUIRE, client -> {
            client.startHandshake();
            over.await();
        })) {
            TlsSocket socket = played.socket;
            socket.startHandshake();
            CountDownLatch begun = new CountDownLatch(1);
            CompletableFuture<Void> written = CompletableFuture.runAsync(() -> {
                try {
                    while (true) {
                        socket.getOutputStream().write(new byte[100_000]);
                        begun.countDown();
                    }
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            begun.await();
            socket.close();
            assertThrows(ExecutionException.class, () -> written.get(30, TimeUnit.SECONDS));
        } finally {
            over.countDown();
        }
    }

    @ParameterizedTest
    @EnumSource(value = SslProvider.class, names = {"OPENSSL", "JDK"})
    void saysWhyAHandshakeFailed(SslProvider by) throws Exception {
        try (Played played = connect("host=localhost user=u sslrootcert=system sslmode=verify-full", by, TlsSocketTest::echo)) {
            SSLHandshakeException refused = assertThrows(SSLHandshakeException.class, played.socket::startHandshake);
            assertTrue(String.valueOf(refused.getMessage()).startsWith("certificate verify failed: "), refused::toString);
            // The server is told.
            ExecutionException told = assertThrows(ExecutionException.class, () -> played.server.get(30, TimeUnit.SECONDS));
            assertTrue(String.valueOf(told.getMessage()).contains("Received fatal alert"), told::toString);
        }
        try (Played played = connect(REQUIRE, by, Socket::close)) {
            SSLHandshakeException refused = assertThrows(SSLHandshakeException.class, played.socket::startHandshake);
            assertEquals("server closed the connection during the handshake", refused.getMessage());
        }
    }
}
