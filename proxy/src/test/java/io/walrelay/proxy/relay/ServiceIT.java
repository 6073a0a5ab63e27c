package io.walrelay.proxy.relay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainDatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.testkit.Certificates;
import io.walrelay.proxy.testkit.RelayProcess;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.X509Certificate;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A relay as a service: what it tells who started it, and what it takes up while it runs. Upstream is away all the time. */
@Timeout(120)
final class ServiceIT {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    /** What a service manager would hear. */
    private static final class Manager implements AutoCloseable {
        private final List<String> heard = new CopyOnWriteArrayList<>();
        private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
        private final Channel socket;

        Manager(Path path) throws InterruptedException {
            socket = new Bootstrap()
                    .group(loop)
                    .channel(EpollDomainDatagramChannel.class)
                    .handler(new SimpleChannelInboundHandler<DomainDatagramPacket>() {
                        @Override
                        protected void channelRead0(ChannelHandlerContext context, DomainDatagramPacket packet) {
                            heard.add(packet.content().toString(StandardCharsets.UTF_8));
                        }
                    })
                    .bind(new DomainSocketAddress(path.toString()))
                    .sync()
                    .channel();
        }

        @Override
        public void close() {
            socket.close().syncUninterruptibly();
            loop.shutdownGracefully(0, 0, java.util.concurrent.TimeUnit.SECONDS);
        }
    }

    @Test
    void takesUpWhatItCanWhileItRuns() throws Exception {
        Certificates authority = Certificates.in(directory);
        Certificates.Pair first = authority.issue("first");
        Certificates.Pair second = authority.issue("second");
        Path shown = Files.createDirectories(directory.resolve("shown"));
        show(shown, first.certificate(), first.key());
        Path yaml = directory.resolve("walrelay.yaml");
        configure(yaml, shown, "trust", "one", "1GB");
        Path socket = directory.resolve("notify");
        try (Manager manager = new Manager(socket);
                RelayProcess relay = RelayProcess.of("host=127.0.0.1 port=%d user=postgres".formatted(FreePort.next()), "relay", directory.resolve("data"), "-c", yaml.toString())
                        .without("WALRELAY_LISTEN_HBA")
                        .with("NOTIFY_SOCKET", socket.toString())
                        .start()) {
            Await.until("READY=1", LIMIT, () -> manager.heard, List.of("READY=1")::equals);
            assertEquals("CN=first", subject(relay));
            assertEquals(200, status(relay, "one"));
            assertEquals(401, status(relay, "two"));
            assertTrue(!refusal(relay).contains("pg_hba.conf"), () -> refusal(relay));

            // Whoever renews certificates tells nobody, and writes one file after the other.
            Files.copy(second.certificate(), shown.resolve("tls.crt"), StandardCopyOption.REPLACE_EXISTING);
            awaitLog(relay, "files of certificates changed and can't be used yet");
            assertEquals("CN=first", subject(relay));
            show(shown, second.certificate(), second.key());
            awaitLog(relay, "certificates were read again, since their files had changed");
            assertEquals("CN=second", subject(relay));

            // What is wrong changes nothing.
            configure(yaml, shown, "nobody-knows", "two", "2GB");
            relay.signal("HUP");
            awaitLog(relay, "nothing of the new configuration was taken up: listen.hba");
            HttpResponse<String> wrong = reload(relay, "one");
            assertEquals(422, wrong.statusCode(), wrong::body);
            assertTrue(wrong.body().contains("listen.hba"), wrong::body);
            assertEquals(200, status(relay, "one"));

            configure(yaml, shown, "reject", "two", "2GB");
            relay.signal("HUP");
            awaitLog(relay, "taken up: listen.hba, http.tokens; a restart is needed for cache.disk");
            assertEquals(401, status(relay, "one"));
            assertEquals(200, status(relay, "two"));
            assertTrue(refusal(relay).contains("pg_hba.conf rejects"), () -> refusal(relay));
            HttpResponse<String> again = reload(relay, "two");
            assertEquals(200, again.statusCode(), again::body);
            assertEquals("{\"taken_up\":[],\"need_restart\":[\"cache.disk\"]}", again.body().strip());

            assertEquals(143, relay.terminate(LIMIT), relay::log);
            Await.until("STOPPING=1", LIMIT, () -> manager.heard, List.of("READY=1", "STOPPING=1")::equals);
        }
    }

    private static void show(Path directory, Path certificate, Path key) throws IOException {
        Files.copy(certificate, directory.resolve("tls.crt"), StandardCopyOption.REPLACE_EXISTING);
        Files.copy(key, directory.resolve("tls.key"), StandardCopyOption.REPLACE_EXISTING);
    }

    private static void configure(Path yaml, Path certificates, String method, String token, String disk) throws IOException {
        Files.writeString(yaml, """
                listen:
                  tls: {cert: %1$s/tls.crt, key: %1$s/tls.key}
                  hba: ["host all,replication all 127.0.0.1/32 %2$s"]
                http: {tokens: [{token: %3$s}]}
                cache: {disk: %4$s}
                """.formatted(certificates, method, token, disk));
    }

    private static void awaitLog(RelayProcess relay, String text) {
        Await.until("the log to say: " + text, LIMIT, relay::log, log -> log.contains(text));
    }

    /** Of the certificate that the PostgreSQL port shows. */
    private static String subject(RelayProcess relay) throws Exception {
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
        try (SSLSocket socket = (SSLSocket) tls.getSocketFactory().createSocket("127.0.0.1", relay.port())) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setApplicationProtocols(new String[] {"postgresql"});
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            return ((X509Certificate) socket.getSession().getPeerCertificates()[0]).getSubjectX500Principal().getName();
        }
    }

    /** What a standby is told; there is no WAL yet that it could get. */
    private static String refusal(RelayProcess relay) {
        try (var connection = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres&replication=true&sslmode=disable&assumeMinServerVersion=13&preferQueryMode=simple".formatted(relay.port()))) {
            return "none by " + connection;
        } catch (SQLException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private static int status(RelayProcess relay, String token) throws IOException, InterruptedException {
        return ask(HttpRequest.newBuilder(URI.create(relay.url() + "/api/v1/status")), token).statusCode();
    }

    private static HttpResponse<String> reload(RelayProcess relay, String token) throws IOException, InterruptedException {
        return ask(
                HttpRequest.newBuilder(URI.create(relay.url() + "/api/v1/reload")).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString("{}")),
                token);
    }

    private static HttpResponse<String> ask(HttpRequest.Builder request, String token) throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            return http.send(request.header("Authorization", "Bearer " + token).timeout(LIMIT).build(), HttpResponse.BodyHandlers.ofString());
        }
    }
}
