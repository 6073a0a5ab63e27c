package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.walrelay.proxy.config.HintUrl;
import io.walrelay.proxy.config.UpstreamSettings;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.state.Events;
import io.walrelay.proxy.testkit.Certificates;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is asked of {@code upstream.hint}, and what its answers are taken for. */
@Timeout(60)
class HintTest {

    private static final HostAddress ONE = HostAddress.of("127.0.0.1", 5432);
    private static final HostAddress TWO = HostAddress.of("127.0.0.2", 5432);

    private static Hint ask(String url, HostAddress... named) throws IOException {
        return ask(new UpstreamSettings.Hint(new HintUrl(url), Optional.empty()), named);
    }

    private static Hint ask(UpstreamSettings.Hint hint, HostAddress... named) throws IOException {
        try (HintQuery query = new HintQuery(hint, List.of(named))) {
            return query.ask().join();
        }
    }

    private static void assertSilent(String reason, Hint hint) {
        assertTrue(hint instanceof Hint.Silent(var why) && why.contains(reason), hint::toString);
    }

    private static String cluster(String members) {
        return "{\"members\": [" + members + "], \"pause\": true}";
    }

    private static HostAddress leader(String document) {
        return PatroniCluster.leader(document);
    }

    // The document

    @Test
    void theLeaderIsTheMemberWithThatRole() {
        String replica = "{\"name\": \"pg1\", \"role\": \"sync_standby\", \"state\": \"streaming\", \"host\": \"10.0.0.1\", \"port\": 5433, \"lag\": 0}, ";
        assertEquals(HostAddress.of("10.0.0.2", 5434), leader(cluster(replica + "{\"name\": \"pg2\", \"role\": \"leader\", \"host\": \"10.0.0.2\", \"port\": 5434}")));
        assertEquals(HostAddress.of("pg2", 5432), leader(cluster(replica + "{\"name\": \"pg2\", \"role\": \"standby_leader\", \"host\": \"pg2\"}")));
    }

    // Asking

    @Test
    void anAnswerThatNamesNoOneLeaderIsSilence() throws IOException {
        String leader = "{\"name\": \"pg2\", \"role\": \"leader\", \"host\": \"127.0.0.1\", \"port\": 5432}";
        try (FakePatroni patroni = FakePatroni.of()) {
            patroni.say(_ -> cluster(leader));
            assertEquals(new Hint.Names(ONE), ask(patroni.clusterUrl(), TWO, ONE));
            assertEquals(new Hint.Names(ONE), ask(patroni.clusterUrl(), TWO), "one that the connection string does not name");
            HostAddress byName = HostAddress.of("localhost", 5432);
            assertEquals(new Hint.Names(byName), ask(patroni.clusterUrl(), TWO, byName), "the same address");
            HostAddress byAddress = new HostAddress("pg2", Optional.of("127.0.0.1"), 5432);
            assertEquals(new Hint.Names(byAddress), ask(patroni.clusterUrl(), byAddress));
            patroni.say(_ -> cluster(""));
            assertSilent("0 leaders among 0 members", ask(patroni.clusterUrl(), ONE));
            patroni.say(_ -> cluster(leader + ", " + leader));
            assertSilent("2 leaders among 2 members", ask(patroni.clusterUrl(), ONE));
            patroni.say(_ -> cluster("{\"name\": \"pg2\", \"role\": \"leader\"}"));
            assertSilent("leader \"pg2\", who has no host", ask(patroni.clusterUrl(), ONE));
            patroni.say(_ -> cluster("{\"role\": \"leader\", \"host\": \"a\", \"port\": 70000}"));
            assertSilent("invalid port number", ask(patroni.clusterUrl(), ONE));
            patroni.say(_ -> "{\"role\": \"primary\"}");
            assertSilent("a document without members", ask(patroni.clusterUrl(), ONE));
            patroni.say(_ -> "<html>");
            assertSilent("no JSON", ask(patroni.clusterUrl(), ONE));
            patroni.say(_ -> " ".repeat(2 << 20));
            assertInstanceOf(Hint.Silent.class, ask(patroni.clusterUrl(), ONE));
            assertSilent("HTTP 404", ask(patroni.clusterUrl().replace("cluster", "elsewhere"), ONE));
            patroni.silence(true);
            assertSilent("no answer within 2 s", ask(patroni.clusterUrl(), ONE));
        }
        assertSilent("could not be connected to", ask("http://127.0.0.1:%d/cluster".formatted(FreePort.next()), ONE));
    }

    @Test
    void whereEachHostIsAskedExactlyOneMustSayYes() throws IOException {
        try (FakePatroni patroni = FakePatroni.of()) {
            patroni.electFirstNode();
            assertEquals(new Hint.Names(ONE), ask(patroni.primaryUrl(), ONE, TWO), "nobody listens at the other");
            assertSilent(
                    "is answered with 200 by 2 hosts, expected one (127.0.0.1:5432: HTTP 200, 127.0.0.1:5433: HTTP 200)",
                    ask(patroni.primaryUrl(), ONE, HostAddress.of("127.0.0.1", 5433)));
            patroni.electNobody();
            assertSilent("by 0 hosts, expected one (127.0.0.1:5432: HTTP 503, 127.0.0.2:5432: it could not be connected to)", ask(patroni.primaryUrl(), ONE, TWO));
            assertSilent("\"pg_1\" is no host name for a URL", ask(patroni.primaryUrl(), HostAddress.of("pg_1", 5432)));
        }
    }

    @Test
    void aCertificateIsTrustedWhenItsAuthorityIs(@TempDir Path directory) throws Exception {
        Certificates certificates = Certificates.in(directory);
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(serving(certificates.issue("patroni"))));
        server.createContext("/primary", exchange -> {
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();
        try {
            HintUrl url = new HintUrl("https://{host}:%d/primary".formatted(server.getAddress().getPort()));
            assertEquals(new Hint.Names(ONE), ask(new UpstreamSettings.Hint(url, Optional.of(certificates.authority())), ONE));
            assertSilent("PKIX path building failed", ask(new UpstreamSettings.Hint(url, Optional.empty()), ONE));
        } finally {
            server.stop(0);
        }
    }

    private static SSLContext serving(Certificates.Pair pair) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        String key = Files.readString(pair.key()).replaceAll("-----[^-]+-----", "").replaceAll("\\s", "");
        try (InputStream in = Files.newInputStream(pair.certificate())) {
            Certificate certificate = CertificateFactory.getInstance("X.509").generateCertificate(in);
            store.setKeyEntry(
                    "server",
                    KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(key))),
                    new char[0],
                    new Certificate[] {certificate});
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }

    // Watching

    @Test
    void onlyANewNameIsNews() {
        Events events = new Events(Clock.systemUTC());
        AtomicInteger wakeups = new AtomicInteger();
        List<CompletableFuture<Hint>> asked = new ArrayList<>();
        HintWatch watch = new HintWatch(
                () -> {
                    asked.add(new CompletableFuture<>());
                    return asked.getLast();
                },
                events,
                wakeups::incrementAndGet);
        watch.ask();
        watch.ask();
        assertEquals(1, asked.size(), "one question at a time");
        assertSilent("has not answered yet", watch.take(_ -> true));
        asked.getLast().complete(new Hint.Names(ONE));
        assertTrue(watch.news());
        assertEquals(1, wakeups.get());
        assertEquals(new Hint.Names(ONE), watch.take(_ -> false));
        assertTrue(watch.news(), "its host was not asked in that look");
        assertEquals(new Hint.Names(ONE), watch.take(_ -> true));
        assertFalse(watch.news());

        for (Hint next : List.of(new Hint.Names(ONE), new Hint.Silent("a"), new Hint.Silent("b"))) {
            watch.ask();
            asked.getLast().complete(next);
            assertFalse(watch.news());
            assertEquals(next, watch.take(_ -> true));
        }
        assertEquals(
                List.of("upstream.hint names 127.0.0.1:5432", "upstream.hint names no host, so no other than the one in use is chosen: a"),
                events.recent().stream().map(Event::text).toList());
    }
}
