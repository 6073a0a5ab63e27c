package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.proxy.testkit.TakenOrders;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Xmins;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpServerTest {

    private static final HostPort ANY_PORT = new HostPort("127.0.0.1", 0);
    private static final HttpSettings OPEN = new HttpSettings(ANY_PORT, Optional.empty(), List.of(), false);
    private static final HttpSettings TOKENS = new HttpSettings(
            ANY_PORT,
            Optional.empty(),
            List.of(new HttpSettings.Token(Secret.utf8("all-of-it"), false), new HttpSettings.Token(Secret.utf8("only-look"), true)),
            false);
    private static final HttpLimits TIGHT = new HttpLimits(8, 1, 1_024, 2_048, 1_024, Duration.ofSeconds(20), Duration.ofSeconds(30));
    @TempDir
    private Path directory;

    private final LinkedBlockingQueue<FollowOrder> orders = new LinkedBlockingQueue<>();

    @SuppressWarnings("NullAway.Init") // set before each test
    private KnownRelay relay;

    private Optional<HttpServer> server = Optional.empty();

    @BeforeEach
    void fillRelay() throws Exception {
        relay = KnownRelay.streaming(directory.resolve("data"));
    }

    @AfterEach
    void stop() throws Exception {
        server.ifPresent(HttpServer::close);
        relay.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/standbys", "/api/v1/slots", "/api/v1/upstream", "/api/v1/timelines", "/api/v1/tiers",
        "/api/v1/history", "/", "/dashboard/app.js"})
    void answersGetAndHeadAlike(String path) throws Exception {
        int port = serve(OPEN);
        HttpResponse<String> get = send(port, request(port, path));
        HttpResponse<String> head = send(port, request(port, path).method("HEAD", HttpRequest.BodyPublishers.noBody()));
        assertEquals(200, get.statusCode(), get.body());
        assertEquals(200, head.statusCode());
        assertEquals("", head.body());
        assertEquals(get.headers().firstValue("content-type"), head.headers().firstValue("content-type"));
        assertTrue(head.headers().firstValueAsLong("content-length").orElseThrow() > 0);
    }

    @Test
    void isReadyWhileUpstreamIsAwayButNotWhileAReasonSpeaksAgainstIt() throws Exception {
        int port = serve(OPEN);
        relay.state().update(KnownRelay.upstream(io.walrelay.proxy.state.UpstreamStatus.State.WAITING, Optional.of("pg1:5432 refused")));
        assertEquals(200, send(port, request(port, "/readyz")).statusCode());
        relay.state().setNotReady("disk", "the relay's disk is full");
        HttpResponse<String> unready = send(port, request(port, "/readyz"));
        assertEquals(503, unready.statusCode());
        assertEquals("disk: the relay's disk is full\n", unready.body());
        assertEquals(200, send(port, request(port, "/healthz")).statusCode());
    }

    @Test
    void isNotReadyWithoutWal() throws Exception {
        relay.close();
        relay = KnownRelay.empty();
        int port = serve(OPEN);
        HttpResponse<String> unready = send(port, request(port, "/readyz"));
        assertEquals(503, unready.statusCode());
        assertEquals("no-wal: the relay has no WAL yet: it has not streamed from an upstream so far\n", unready.body());
        assertEquals(200, send(port, request(port, "/api/v1/status")).statusCode());
    }

    @Test
    void spellsOutTheStatus() throws Exception {
        int port = serve(OPEN);
        relay.state().cache().orElseThrow().slots().feedback("a", 41, new Xmins(FullTransactionId.of(1, 700), FullTransactionId.INVALID));
        String body = send(port, request(port, "/api/v1/status")).body();
        long memory = relay.state().cache().orElseThrow().memoryBytes();
        String lineage = relay.state().cache().orElseThrow().end().lineage().id();
        String lastRecord = relay.state().cache().orElseThrow().end().lastRecord().toString();
        String expected =
                """
                {"version":"0.1.0","at":"2026-01-02T03:04:05Z","uptime_seconds":3723.0,"ready":true,"reasons":{},
                "advertise":{"conninfo":"host=relay port=6433","url":null},
                "upstream":{"state":"streaming","host":"pg1:5432","beyond":null,"since":"2026-01-02T03:02:35Z","system_id":"7000000000000000001",
                "server_version":"18.1","received":"0/1010000","end":"0/1011000","acknowledged":"0/100F000","lag_bytes":4096,
                "last_message":"2026-01-02T03:04:04.750Z","problem":null},
                "wal":{"timeline":1,"lineage":"LINEAGE","segment_size":1048576,"oldest":"0/1000000","written":"0/1010000",
                "last_record":"RECORD","flushed":"0/1010000","acknowledgeable":"RECORD","memory_bytes":MEMORY,"disk_bytes":1048576,
                "horizon":null,"gaps":[],"orphans":[],
                "hot_standby":{"parameters":[],"snapshot":null,"overflowed":null,"removal":null,"next_xid":null}},
                "acknowledge":{"policy":"own","write":"0/1010000","flush":"RECORD","replay":null,"waiting_bytes":0,"commits_wait_since":null,
                "commits_wait_for":[],"members":[]},
                "archive":null,
                "standbys":[{"pid":41,"name":"a","user":"repl","client":"10.0.0.7:5000","relay":false,"slot":"a","state":"streaming",
                "since":"2026-01-02T03:03:05Z","timeline":1,
                "sent":{"position":"0/1010000","lag_bytes":0,"lag_seconds":0.0},
                "write":{"position":"0/100F000","lag_bytes":4096,"lag_seconds":0.005},
                "flush":{"position":"0/100E000","lag_bytes":8192,"lag_seconds":0.02},
                "replay":{"position":"0/100C000","lag_bytes":16384,"lag_seconds":null},
                "last_reply":"2026-01-02T03:04:04Z","added_delay_seconds":0.01,"sent_bytes":49152,"held":null}],
                "slots":[{"name":"a","temporary":false,"active_pid":41,"inactive_since":null,"restart_lsn":"0/100C000","furthest_sent":null,
                "retained_bytes":16384,"safe_bytes":0,"wal_status":"reserved","xmin":"4294967996","catalog_xmin":null,"mirror_of":null},
                {"name":"b","temporary":false,"active_pid":null,"inactive_since":null,"restart_lsn":"0/1008000","furthest_sent":null,
                "retained_bytes":32768,"safe_bytes":-16384,"wal_status":"unreserved","xmin":null,"catalog_xmin":null,"mirror_of":null}],
                "slot_sync":{"looked_at":null,"problem":null,"failover_slots":[],"standbys":[]},"peers":[],
                "feedback":{"next_xid":null,
                "xmin":{"reported":"4294967996","oldest":{"holder":"slot","name":"a","xid":"4294967996","age":null},"capped":false,"too_old":[]},
                "catalog_xmin":{"reported":null,"oldest":null,"capped":false,"too_old":[]}},
                "shaping":[],
                "events":[{"at":"2026-01-02T03:04:05Z","severity":"info","kind":"connected","text":"streaming from pg1:5432"}]}
                """
                        .replace("LINEAGE", lineage)
                        .replace("RECORD", lastRecord)
                        .replace("MEMORY", Long.toString(memory));
        assertEquals(Json.MAPPER.readTree(expected), Json.MAPPER.readTree(body), body);
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /index.html, 404", "GET, /dashboard/, 404", "GET, /dashboard/../restore.sh, 404", "GET, /api/v1/nothing, 404", "GET, /api/v1/events?all, 400",
        "POST, /, 405", "GET, /api/v1/status/, 404", "GET, /%61pi/v1/status, 404", "POST, /healthz, 405", "DELETE, /api/v1/slots, 405",
        "PUT, /api/v1/upstream, 405", "POST, /api/v1/events, 405"
    })
    void namesWhatWasExpectedOfAWrongPathOrMethod(String method, String path, int status) throws Exception {
        int port = serve(OPEN);
        HttpResponse<String> response = send(port, request(port, path).method(method, HttpRequest.BodyPublishers.noBody()));
        assertEquals(status, response.statusCode());
        assertTrue(method.equals("HEAD") || response.body().contains("expected"), response.body());
        assertEquals(status == 405, response.headers().firstValue("allow").isPresent());
    }

    @ParameterizedTest
    @CsvSource({
        "GET, '', 401", "GET, Bearer wrong, 401", "GET, Bearer, 401", "GET, Basic all-of-it, 401", "GET, Bearer only-look, 200", "GET, bearer all-of-it, 200",
        "POST, Bearer only-look, 403", "POST, Bearer all-of-it, 202", "POST, '', 401"
    })
    void admitsByToken(String method, String authorization, int status) throws Exception {
        int port = serve(TOKENS);
        HttpRequest.Builder request = request(port, "/api/v1/upstream")
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(method.equals("POST") ? "{\"follow\": \"pg2\"}" : ""));
        if (!authorization.isEmpty()) {
            request.header("Authorization", authorization);
        }
        HttpResponse<String> response = send(port, request);
        assertEquals(status, response.statusCode(), response.body());
        assertEquals(status == 401, response.headers().firstValue("www-authenticate").isPresent());
        assertEquals(status == 202 ? 1 : 0, orders.size());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "PUT | /api/v1/slots/c | {} | 200", "POST | /api/v1/slots/b | {\"restart_lsn\": \"0/1009000\"} | 200", "DELETE | /api/v1/slots/b | '' | 200",
        "POST | /api/v1/slots | {\"system_id\": \"7000000000000000001\", \"timeline\": 1, \"slots\": []} | 200", "GET | /api/v1/slots/b | '' | 405",
        "POST | /api/v1/standbys/a/pause | {} | 200", "POST | /api/v1/standbys/b/release | {} | 200", "GET | /api/v1/standbys/a/pause | '' | 405"
    })
    void whoMayOnlyLookChangesNoSlotAndNoStandby(String method, String path, String body, int status) throws Exception {
        int port = serve(TOKENS);
        HttpRequest.Builder request =
                request(port, path).header("Content-Type", "application/json").method(method, HttpRequest.BodyPublishers.ofString(body));
        String before = shown(port);
        assertEquals(401, send(port, request).statusCode());
        assertEquals(method.equals("GET") ? 405 : 403, send(port, request.setHeader("Authorization", "Bearer only-look")).statusCode());
        assertEquals(before, shown(port));
        HttpResponse<String> done = send(port, request.setHeader("Authorization", "Bearer all-of-it"));
        assertEquals(status, done.statusCode(), done.body());
    }

    private static String shown(int port) throws Exception {
        return send(port, request(port, "/api/v1/status").header("Authorization", "Bearer only-look")).body();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/healthz", "/readyz", "/metrics"})
    void probesNeedNoToken(String path) throws Exception {
        int port = serve(TOKENS);
        assertEquals(200, send(port, request(port, path)).statusCode());
    }

    @Test
    void givesTheRestoreScriptWithItselfFilledIn() throws Exception {
        int port = serve(TOKENS);
        assertEquals(401, send(port, request(port, "/restore.sh")).statusCode());
        HttpResponse<String> script = send(port, request(port, "/restore.sh").header("Authorization", "Bearer only-look"));
        assertEquals(200, script.statusCode());
        assertTrue(script.body().startsWith("#!/bin/sh\n"), script.body());
        assertTrue(script.body().contains("\nrelays='http://127.0.0.1:%d'\n".formatted(port)), script.body());
        String hostile = raw(port, "GET /restore.sh HTTP/1.1\r\nHost: a';id;'\r\nAuthorization: Bearer only-look\r\nConnection: close\r\n\r\n");
        assertTrue(hostile.contains("\nrelays=''\n"), hostile);
    }

    @Test
    void takesAnOrderToFollow() throws Exception {
        int port = serve(OPEN);
        assertEquals(202, post(port, "application/json", "{\"follow\": \"2@0/3000000\"}").statusCode());
        assertEquals("2@0/3000000", String.valueOf(orders.poll(5, TimeUnit.SECONDS)));
    }

    /** A request that got no answer would keep its connection for ever. */
    @Test
    void apologizesForWhatBreaks() throws Exception {
        int port = serve(OPEN, TIGHT, order -> {
            throw new OutOfMemoryError("Cannot reserve 1048576 bytes of direct buffer memory");
        });
        assertEquals(500, post(port, "application/json", "{\"follow\": \"pg2\"}").statusCode());
        assertEquals(200, send(port, request(port, "/readyz")).statusCode(), "the reader goes on");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "application/json | {                         | 400", "application/json | {}                        | 400", "application/json | null | 400",
        "application/json | {\"follow\": \"a b\"}     | 400", "application/json | {\"follow\": 1, \"x\": 2} | 400",
        "application/json | {\"follow\": \"pg2\"} {}  | 400", "text/plain       | {\"follow\": \"pg2\"}     | 415"
    })
    void refusesAnOrderThatItCannotRead(String type, String body, int status) throws Exception {
        int port = serve(OPEN);
        HttpResponse<String> response = post(port, type, body);
        assertEquals(status, response.statusCode(), response.body());
        assertTrue(response.body().startsWith("{\"error\":\"") && response.body().contains("expected"), response.body());
        assertEquals(0, orders.size());
    }

    @Test
    void refusesAPageThatGaveThisMachineAnotherName() throws Exception {
        int port = serve(OPEN);
        assertTrue(raw(port, "GET /api/v1/status HTTP/1.1\r\nHost: evil.example:8433\r\n\r\n").startsWith("HTTP/1.1 403 "));
        assertTrue(raw(port, "GET /api/v1/status HTTP/1.1\r\nHost: localhost:8433\r\n\r\n").startsWith("HTTP/1.1 200 "));
        assertTrue(raw(port, "GET /api/v1/status HTTP/1.1\r\nHost: [::1]\r\n\r\n").startsWith("HTTP/1.1 200 "));
        assertTrue(raw(port, "GET /healthz HTTP/1.1\r\nHost: pod-7.example\r\n\r\n").startsWith("HTTP/1.1 200 "));
    }

    @Test
    void refusesWhatIsTooLargeOrNoHttp() throws Exception {
        int port = serve(OPEN);
        assertEquals(413, post(port, "application/json", "x".repeat(2_000)).statusCode());
        assertTrue(raw(port, "GET /" + "x".repeat(2_000) + " HTTP/1.1\r\n\r\n").startsWith("HTTP/1.1 414 "));
        assertTrue(raw(port, "GET / HTTP/1.1\r\nX: " + "x".repeat(4_000) + "\r\n\r\n").startsWith("HTTP/1.1 431 "));
        assertTrue(raw(port, "\0\0\0\10\4\322\26/ hello\r\n\r\n").startsWith("HTTP/1.1 400 "));
        assertEquals(200, send(port, request(port, "/healthz")).statusCode());
    }

    @Test
    void letsGoOfAClientThatDoesNotFinishItsRequest() throws Exception {
        int port = serve(OPEN, new HttpLimits(8, 1, 1_024, 2_048, 1_024, Duration.ofMillis(300), Duration.ofSeconds(30)));
        assertEquals("", raw(port, "GET /healthz HT"));
        assertEquals("", raw(port, ""));
    }

    @Test
    void answersRequestsThatCameTogetherInTheirOrder() throws Exception {
        int port = serve(OPEN);
        String answers = raw(port, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        int ready = answers.indexOf("ready\n");
        assertTrue(ready > 0 && answers.indexOf("ok\n") > ready, answers);
    }

    @Test
    void holdsOnlySoManyConnections() throws Exception {
        int port = serve(OPEN, new HttpLimits(2, 1, 1_024, 2_048, 1_024, Duration.ofSeconds(30), Duration.ofSeconds(30)));
        try (Socket first = new Socket(InetAddress.getLoopbackAddress(), port); Socket second = new Socket(InetAddress.getLoopbackAddress(), port)) {
            assertTrue(first.isConnected() && second.isConnected());
            assertEquals("", raw(port, ""));
        }
    }

    @Test
    void thePageIsForEverybodyAndWhatItShowsIsNot() throws Exception {
        int port = serve(TOKENS);
        HttpResponse<String> page = send(port, request(port, "/"));
        assertEquals(200, page.statusCode());
        String tag = page.headers().firstValue("etag").orElseThrow();
        HttpResponse<String> again = send(port, request(port, "/").header("If-None-Match", tag));
        assertEquals(304, again.statusCode());
        assertEquals(Optional.empty(), again.headers().firstValue("content-length"));
        assertEquals(200, send(port, request(port, "/dashboard/app.js")).statusCode());
        assertEquals(401, send(port, request(port, "/api/v1/events?snapshots")).statusCode());
        assertEquals(401, send(port, request(port, "/api/v1/history")).statusCode());
    }

    @Test
    void admitsByClientCertificate() throws Exception {
        X509Bundle authority = new CertificateBuilder().subject("CN=authority").setIsCertificateAuthority(true).buildSelfSigned();
        X509Bundle own = new CertificateBuilder().subject("CN=localhost").addSanIpAddress("127.0.0.1").buildIssuedBy(authority);
        X509Bundle client = new CertificateBuilder().subject("CN=operator").buildIssuedBy(authority);
        TlsSettings tls = new TlsSettings(
                pem("cert", own.getCertificatePathPEM()), pem("key", own.getPrivateKeyPEM()), Optional.of(pem("ca", authority.getCertificatePEM())));
        int port = serve(new HttpSettings(ANY_PORT, Optional.of(tls), List.of(), false));
        assertEquals(200, overTls(port, "/healthz", authority, Optional.empty()));
        assertEquals(403, overTls(port, "/api/v1/status", authority, Optional.empty()));
        assertEquals(200, overTls(port, "/api/v1/status", authority, Optional.of(client)));
        assertEquals("", raw(port, "GET /healthz HTTP/1.1\r\n\r\n").replaceAll("[^\\x20-\\x7e]", ""), "plain text on a TLS port");
    }

    private int overTls(int port, String path, X509Bundle authority, Optional<X509Bundle> client) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        KeyStore none = KeyStore.getInstance("PKCS12");
        none.load(null, null);
        keys.init(client.isPresent() ? client.get().toKeyStore(new char[0]) : none, new char[0]);
        context.init(keys.getKeyManagers(), authority.toTrustManagerFactory().getTrustManagers(), null);
        try (HttpClient http = HttpClient.newBuilder().sslContext(context).build()) {
            URI uri = URI.create("https://127.0.0.1:%d%s".formatted(port, path));
            return http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString()).statusCode();
        }
    }

    private Path pem(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name + ".pem"), text);
    }

    private int serve(HttpSettings settings) throws IOException {
        return serve(settings, TIGHT);
    }

    private int serve(HttpSettings settings, HttpLimits limits) throws IOException {
        return serve(settings, limits, orders::add);
    }

    private int serve(HttpSettings settings, HttpLimits limits, Consumer<FollowOrder> follow) throws IOException {
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, KnownRelay.NO_PACING);
        HttpServer started = HttpServer.start(
                settings, limits, relay.state(), KnownRelay.PROCESS, metrics, TakenOrders.following(follow), _ -> CompletableFuture.completedFuture(false));
        server = Optional.of(started);
        return started.address().getPort();
    }

    private static HttpRequest.Builder request(int port, String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:%d%s".formatted(port, path)));
    }

    private static HttpResponse<String> send(int port, HttpRequest.Builder request) throws Exception {
        assertTrue(port > 0);
        try (HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            return http.send(request.timeout(Duration.ofSeconds(10)).build(), HttpResponse.BodyHandlers.ofString());
        }
    }

    private static HttpResponse<String> post(int port, String type, String body) throws Exception {
        return send(port, request(port, "/api/v1/upstream").header("Content-Type", type).POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    /** All that comes until the server closes or has said nothing for a while. */
    private static String raw(int port, String request) throws IOException {
        StringBuilder answer = new StringBuilder();
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(15_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            byte[] some = new byte[8_192];
            int n = socket.getInputStream().read(some);
            while (n > 0) {
                answer.append(new String(some, 0, n, StandardCharsets.ISO_8859_1));
                boolean kept = answer.indexOf("connection: keep-alive") > 0 && answer.indexOf("\n\n") < 0 && !request.contains("Connection: close");
                n = kept ? -1 : socket.getInputStream().read(some);
            }
        }
        return answer.toString();
    }
}
