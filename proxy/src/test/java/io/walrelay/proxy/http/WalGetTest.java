package io.walrelay.proxy.http;

import static io.walrelay.proxy.http.WalServer.MB;
import static io.walrelay.proxy.http.WalServer.ORIGIN;
import static io.walrelay.proxy.http.WalServer.craft;
import static io.walrelay.proxy.http.WalServer.name;
import static io.walrelay.proxy.http.WalServer.text;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import io.walrelay.cache.archive.MemoryStore;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.demo.Await;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.WalCraft;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files by their names, from the disk and from the archive. */
@Timeout(120)
class WalGetTest {

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    private Path directory;

    private final MemoryStore store = new MemoryStore();
    private final WalCraft one = craft(1).randomRecords(600, 300_000);

    private static HttpRequest.Builder head(HttpRequest.Builder request) {
        return request.method("HEAD", HttpRequest.BodyPublishers.noBody());
    }

    private static String etag(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return "\"" + HexFormat.of().toHexDigits((int) crc.getValue()) + "\"";
    }

    @Test
    void aSegmentComesAsItIs() throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN)) {
            HttpResponse<byte[]> response = server.get("/wal/" + name(one, ORIGIN.plus(MB)));
            byte[] expected = one.bytes(ORIGIN.plus(MB), ORIGIN.plus(2L * MB));
            assertEquals(200, response.statusCode());
            assertArrayEquals(expected, response.body());
            assertEquals(Optional.of("application/octet-stream"), response.headers().firstValue("content-type"));
            assertEquals(Optional.of(etag(expected)), response.headers().firstValue("etag"));
            assertEquals(Optional.of("disk"), response.headers().firstValue("x-walrelay-tier"));
            HttpResponse<byte[]> head = server.send(head(server.request("/wal/" + name(one, ORIGIN.plus(MB)))));
            assertEquals(200, head.statusCode());
            assertEquals(0, head.body().length);
            assertEquals(response.headers().map().get("content-length"), head.headers().map().get("content-length"));
            assertEquals(response.headers().map().get("etag"), head.headers().map().get("etag"));
            assertTrue(server.metrics().contains("walrelay_wal_file_requests_total{outcome=\"found\",tier=\"disk\"} 2.0"), server.metrics());
            assertTrue(server.metrics().contains("walrelay_wal_file_sent_bytes_total{tier=\"disk\"} 1048576.0"), server.metrics());
        }
    }

    /** A standby streams then, and waits there; a recovery would take a file that is absent for the end. */
    @Test
    void aPausedStandbyGetsNoWalAndNobodyTakesThatForTheEnd() throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN)) {
            String path = "/wal/" + name(one, ORIGIN);
            server.state().shaping().pause("a");
            HttpResponse<byte[]> held = server.get(path + "?standby=a");
            assertEquals(404, held.statusCode());
            assertEquals(Optional.of(name(one, ORIGIN)), held.headers().firstValue("x-walrelay-absent"));
            HttpResponse<byte[]> recovery = server.get(path + "?standby=a&mode=pitr");
            assertEquals(503, recovery.statusCode());
            assertTrue(recovery.headers().firstValue("x-walrelay-absent").isEmpty());
            assertEquals(200, server.get(path + "?standby=b").statusCode());
            server.state().shaping().resume("a");
            assertEquals(200, server.get(path + "?standby=a").statusCode());
        }
    }

    @Test
    void partsAreSentAndWhatIsKnownIsNotSentAgain() throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN)) {
            String path = "/wal/" + name(one, ORIGIN);
            byte[] all = one.bytes(ORIGIN, ORIGIN.plus(MB));
            HttpResponse<byte[]> part = server.send(server.request(path).header("Range", "bytes=100-299"));
            assertEquals(206, part.statusCode());
            assertArrayEquals(Arrays.copyOfRange(all, 100, 300), part.body());
            assertEquals(Optional.of("bytes 100-299/1048576"), part.headers().firstValue("content-range"));
            assertArrayEquals(Arrays.copyOfRange(all, MB - 7, MB), server.send(server.request(path).header("Range", "bytes=-7")).body());
            assertArrayEquals(Arrays.copyOfRange(all, MB - 9, MB), server.send(server.request(path).header("Range", "bytes=1048567-9999999")).body());
            HttpResponse<byte[]> outside = server.send(server.request(path).header("Range", "bytes=1048576-"));
            assertEquals(416, outside.statusCode());
            assertEquals(Optional.of("bytes */1048576"), outside.headers().firstValue("content-range"));
            assertEquals(200, server.send(server.request(path).header("Range", "bytes=0-1,5-6")).statusCode(), "several ranges");
            assertEquals(206, server.send(server.request(path).header("Range", "bytes=0-1").header("If-Range", etag(all))).statusCode());
            assertEquals(200, server.send(server.request(path).header("Range", "bytes=0-1").header("If-Range", "\"00000000\"")).statusCode());
            HttpResponse<byte[]> known = server.send(server.request(path).header("If-None-Match", "\"00000000\", " + etag(all)));
            assertEquals(304, known.statusCode());
            assertEquals(0, known.body().length);
            assertEquals(200, server.send(server.request(path).header("If-None-Match", "\"00000000\"")).statusCode());
        }
    }

    @Test
    void theSegmentThatIsWrittenIsNotThereYet() throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN)) {
            String name = name(one, one.end());
            byte[] written = one.bytes(WalServer.SEGMENT.startOf(one.end()), one.end());
            assertEquals(404, server.get("/wal/" + name).statusCode());
            assertEquals(404, server.get("/wal/" + name + "?mode=pitr").statusCode());
            HttpResponse<byte[]> partial = server.get("/wal/" + name + ".partial");
            assertEquals(200, partial.statusCode());
            assertArrayEquals(written, partial.body());
            assertEquals(Optional.of(one.end().toString()), partial.headers().firstValue("x-walrelay-end"));
            assertEquals(Optional.empty(), partial.headers().firstValue("etag"), "it grows");
            for (String mode : new String[] {"pitr", "rewind"}) {
                HttpResponse<byte[]> padded = server.get("/wal/" + name + "?partial=pad&mode=" + mode);
                assertEquals(200, padded.statusCode());
                assertArrayEquals(Arrays.copyOf(written, MB), padded.body());
                assertEquals(Optional.of(one.end().toString()), padded.headers().firstValue("x-walrelay-end"));
            }
            byte[] across = server.send(server.request("/wal/" + name + "?partial=pad&mode=pitr").header("Range", "bytes=%d-%d".formatted(written.length - 3, written.length + 3)))
                    .body();
            assertArrayEquals(Arrays.copyOfRange(Arrays.copyOf(written, MB), written.length - 3, written.length + 4), across);
            assertEquals(400, server.get("/wal/" + name + "?partial=pad").statusCode(), "a standby never gets it");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "/wal/                                                      | 400", "/wal/x                                        | 400",
        "/wal/../wal/000000010000000000000010                       | 400", "/wal/%2e%2e%2fstate                           | 400",
        "/wal//000000010000000000000010                             | 400", "/wal/000000010000000000000010/                | 400",
        "/wal/%30%30%30%30%30%30010000000000000010                  | 400", "/wal/00000001000000000000001a                 | 400",
        "/wal/000000000000000000000010                              | 400", "/wal/000000010000000000001000                 | 400",
        "/wal/000000010000000000000010.partial.partial              | 400", "/wal/000000010000000000000010.history         | 400",
        "/wal/000000010000000000000010?mode=fast                    | 400", "/wal/000000010000000000000010?wait=soon       | 400",
        "/wal/000000010000000000000010?timeline=x                   | 400", "/wal/000000010000000000000010?partial=1       | 400",
        "/wal/000000010000000000000010?mode=pitr&mode=pitr          | 400", "/wal/000000010000000000000010?colour=red      | 400",
        "//wal/000000010000000000000010                             | 404", "/WAL/000000010000000000000010                 | 404",
        "/wal/000000010000000000000010?mode=pitr&standby=a&wait=1s  | 200", "/wal/00000009.history                         | 404",
        "/wal/00000001.history                                      | 404", "/wal/000000010000000000000010.00000028.backup | 404",
    })
    void namesAndParametersAreCheckedStrictly(String path, int status) throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN); Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".formatted(path).getBytes(StandardCharsets.US_ASCII));
            String answer = new String(socket.getInputStream().readNBytes(4_096), StandardCharsets.ISO_8859_1);
            assertTrue(answer.startsWith("HTTP/1.1 " + status), answer);
            assertTrue(status == 200 || !path.startsWith("/wal") || answer.contains("{\"error\":\""), answer);
            boolean proved = status == 404 && path.startsWith("/wal/");
            assertEquals(proved, answer.contains("\r\nx-walrelay-absent: %s\r\n".formatted(path.replaceFirst("/wal/", ""))), answer);
        }
    }

    @Test
    void withoutAnyWalItCannotSay() throws Exception {
        try (WalServer server = WalServer.empty(directory)) {
            HttpResponse<byte[]> response = server.get("/wal/000000010000000000000010");
            assertEquals(503, response.statusCode());
            assertEquals(Optional.of("1"), response.headers().firstValue("retry-after"));
            assertEquals(400, server.get("/wal/nonsense").statusCode());
        }
    }

    @Test
    void theArchiveIsAskedForWhatTheDiskHasNotGot() throws Exception {
        Lsn began = ORIGIN.plus(2L * MB);
        try (WalServer server = WalServer.holding(directory, Optional.of(store), one, began)) {
            server.archive(one, ORIGIN);
            HttpResponse<byte[]> found = server.get("/wal/" + name(one, ORIGIN));
            assertEquals(200, found.statusCode());
            assertArrayEquals(one.bytes(ORIGIN, ORIGIN.plus(MB)), found.body());
            assertEquals(Optional.of("archive"), found.headers().firstValue("x-walrelay-tier"));
            assertEquals(404, server.get("/wal/" + name(one, ORIGIN.plus(MB))).statusCode());
        }
    }

    @Test
    void anArchiveThatCannotBeAskedIsNotAnAbsentFile() throws Exception {
        Lsn began = ORIGIN.plus(2L * MB);
        try (WalServer server = WalServer.holding(directory, Optional.of(store), one, began)) {
            server.archive(one, ORIGIN);
            store.failFor(_ -> true);
            HttpResponse<byte[]> response = server.get("/wal/" + name(one, ORIGIN));
            assertEquals(503, response.statusCode(), text(response));
            assertEquals(Optional.of("1"), response.headers().firstValue("retry-after"));
            assertEquals(503, server.get("/wal/00000002.history").statusCode(), "whether the number is free");
            assertEquals(200, server.get("/wal/" + name(one, began)).statusCode(), "the disk has it");
            assertEquals(404, server.get("/wal/" + name(one, one.end())).statusCode(), "nobody may show a standby more than the relay has");
            store.failFor(_ -> false);
            assertEquals(200, server.get("/wal/" + name(one, ORIGIN)).statusCode());
            // What could not be looked up is believed for a moment.
            Await.until("the archive to be asked again", LIMIT, () -> server.get("/wal/00000002.history").statusCode(), status -> status == 404);
        }
    }

    /** Another relay has followed a promotion and archived what came; this one has not got to it. */
    @Test
    void aLineageThatOnlyTheArchiveHasIsFoundByItsName() throws Exception {
        WalCraft two = one.promoted(new TimelineId(2), one.end()).randomRecords(100, 300_000);
        try (WalServer server = WalServer.holding(directory, Optional.of(store), one, ORIGIN)) {
            String path = "/wal/" + name(two, one.end());
            assertEquals(409, server.get(path + "?mode=pitr&timeline=2").statusCode(), "nobody knows it");
            server.archive(two, one.end());
            // What was not there is believed for a moment.
            HttpResponse<byte[]> found = Await.until("the lineage to be found", LIMIT, () -> server.get(path + "?mode=pitr&timeline=2"), r -> r.statusCode() == 200);
            assertArrayEquals(two.segment(WalServer.SEGMENT.segmentNumber(one.end())), found.body());
            HttpResponse<byte[]> history = server.get("/wal/00000002.history?mode=pitr&timeline=2@" + one.end());
            assertEquals(two.history().format(), text(history));
            assertEquals(Optional.of("archive"), history.headers().firstValue("x-walrelay-tier"));
            assertArrayEquals(found.body(), server.get(path + "?mode=rewind").body());
            assertEquals(409, server.get(path).statusCode());
            assertEquals(404, server.get("/wal/00000002.history").statusCode());
            assertEquals(404, server.get("/wal/00000002.history?timeline=2").statusCode());
        }
    }

    @Test
    void aWaitEndsWhenTheSegmentIsWhole() throws Exception {
        WalCraft more = craft(1).randomRecords(600, 300_000).randomRecords(50, 300_000);
        Lsn half = one.end();
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN)) {
            CompletableFuture<HttpResponse<byte[]>> waiting = CompletableFuture.supplyAsync(() -> uncheckedGet(server, "/wal/" + name(one, half) + "?wait=60s"));
            Await.until("the request to wait", LIMIT, () -> server.metrics().contains("walrelay_wal_file_waiting 1.0"));
            assertFalse(waiting.isDone());
            Lsn end = WalServer.SEGMENT.endOf(half);
            server.receive(more, end);
            HttpResponse<byte[]> response = waiting.get(30, TimeUnit.SECONDS);
            assertEquals(200, response.statusCode());
            assertArrayEquals(more.bytes(WalServer.SEGMENT.startOf(half), end), response.body());
        }
    }

    @Test
    void aWaitHasAnEndAndHistoriesAreNotWaitedFor() throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN)) {
            long began = System.nanoTime();
            assertEquals(404, server.get("/wal/" + name(one, one.end()) + "?wait=200ms").statusCode());
            assertTrue(System.nanoTime() - began >= 200_000_000L);
            // With a wait these would run into the limit of the whole test.
            assertEquals(404, server.get("/wal/00000002.history?wait=1h").statusCode());
            assertEquals(404, server.get("/wal/" + name(one, ORIGIN) + ".partial?wait=1h").statusCode());
        }
    }

    @Test
    void aWaitIsForgottenWhenTheClientGoes() throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN)) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
                socket.getOutputStream().write("GET /wal/%s?wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n".formatted(name(one, one.end())).getBytes(StandardCharsets.US_ASCII));
                Await.until("the request to wait", LIMIT, () -> server.metrics().contains("walrelay_wal_file_waiting 1.0"));
            }
            Await.until("nobody to wait", LIMIT, () -> server.metrics().contains("walrelay_wal_file_waiting 0.0"));
        }
    }

    private static HttpResponse<byte[]> uncheckedGet(WalServer server, String path) {
        try {
            return server.get(path);
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * <pre>
     *   1  ───────┬──────── the relay had this much
     *   2         ├───╴      the wrong standby was promoted, and given up
     *   2 again   └────────  the right one
     * </pre>
     */
    @Test
    void aNumberThatWasTakenTwiceIsTwoLineages() throws Exception {
        Lsn fork = one.lastRecordEndAt(ORIGIN.plus(2L * MB + 300_000));
        Lsn later = one.lastRecordEndAt(ORIGIN.plus(3L * MB + 300_000));
        WalCraft wrong = one.promoted(new TimelineId(2), fork).randomRecords(400, 300_000);
        WalCraft right = one.promoted(new TimelineId(2), later).randomRecords(400, 300_000);
        try (WalServer server = WalServer.holding(directory, Optional.empty(), craft(1), ORIGIN)) {
            server.receive(one, fork);
            server.follow(wrong);
            server.receive(wrong, fork.plus(2L * MB));
            server.follow(one);
            server.receive(one, one.end());
            assertEquals(404, server.get("/wal/00000002.history").statusCode(), "an orphan's");
            server.follow(right);
            server.receive(right, right.end());

            assertEquals(right.history().format(), text(server.get("/wal/00000002.history")));
            assertArrayEquals(right.segment(WalServer.SEGMENT.segmentNumber(later)), server.get("/wal/" + name(right, later)).body());
            assertEquals(404, server.get("/wal/" + name(one, later)).statusCode(), "the old timeline's last segment");
            assertArrayEquals(one.bytes(ORIGIN.plus(3L * MB), later), server.get("/wal/" + name(one, later) + ".partial").body());

            HttpResponse<byte[]> past = server.get("/wal/" + name(one, later.plus(MB)));
            assertEquals(409, past.statusCode());
            assertEquals(Optional.of(later.toString()), past.headers().firstValue("x-walrelay-fork"));

            String wrongOne = "&timeline=2@" + fork;
            assertEquals(wrong.history().format(), text(server.get("/wal/00000002.history?mode=pitr" + wrongOne)));
            assertArrayEquals(wrong.segment(WalServer.SEGMENT.segmentNumber(fork)), server.get("/wal/" + name(wrong, fork) + "?mode=pitr" + wrongOne).body());
            assertEquals(404, server.get("/wal/00000002.history?mode=standby" + wrongOne).statusCode());
            HttpResponse<byte[]> ambiguous = server.get("/wal/00000002.history?mode=rewind");
            assertEquals(409, ambiguous.statusCode());
            assertTrue(text(ambiguous).contains("2@" + fork) && text(ambiguous).contains("2@" + later), text(ambiguous));
        }
    }

    @Test
    void aSlowReaderHoldsAPieceAndNoMore() throws Exception {
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN); Socket socket = new Socket()) {
            socket.setReceiveBufferSize(4_096);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()));
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write("GET /wal/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".formatted(name(one, ORIGIN)).getBytes(StandardCharsets.US_ASCII));
            assertEquals('H', socket.getInputStream().read());
            assertEquals(200, server.get("/wal/" + name(one, ORIGIN.plus(MB))).statusCode(), "others are served meanwhile");
            byte[] rest = socket.getInputStream().readAllBytes();
            assertArrayEquals(one.bytes(ORIGIN, ORIGIN.plus(MB)), Arrays.copyOfRange(rest, rest.length - MB, rest.length));
        }
    }

    @Test
    void overTlsTheBytesAreTheSame() throws Exception {
        X509Bundle authority = new CertificateBuilder().subject("CN=authority").setIsCertificateAuthority(true).buildSelfSigned();
        X509Bundle own = new CertificateBuilder().subject("CN=localhost").addSanIpAddress("127.0.0.1").buildIssuedBy(authority);
        Path cert = Files.writeString(directory.resolve("cert.pem"), own.getCertificatePathPEM());
        Path key = Files.writeString(directory.resolve("key.pem"), own.getPrivateKeyPEM());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, authority.toTrustManagerFactory().getTrustManagers(), null);
        try (WalServer server = WalServer.holding(directory, Optional.empty(), one, ORIGIN, WalServer.encrypted(new TlsSettings(cert, key, Optional.empty())), WalServer.NEVER);
                HttpClient client = HttpClient.newBuilder().sslContext(context).build()) {
            URI whole = URI.create("https://127.0.0.1:%d/wal/%s".formatted(server.port(), name(one, ORIGIN)));
            assertArrayEquals(one.bytes(ORIGIN, ORIGIN.plus(MB)), client.send(HttpRequest.newBuilder(whole).build(), HttpResponse.BodyHandlers.ofByteArray()).body());
            URI padded = URI.create("https://127.0.0.1:%d/wal/%s?mode=pitr&partial=pad".formatted(server.port(), name(one, one.end())));
            byte[] body = client.send(HttpRequest.newBuilder(padded).build(), HttpResponse.BodyHandlers.ofByteArray()).body();
            assertArrayEquals(one.segment(WalServer.SEGMENT.segmentNumber(one.end())), body);
        }
    }
}
