package io.walrelay.proxy.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.state.Refusal;
import io.walrelay.proxy.testkit.KnownRelay;
import io.walrelay.proxy.testkit.TakenOrders;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class EventStreamTest {

    private static final HttpSettings OPEN = new HttpSettings(new HostPort("127.0.0.1", 0), Optional.empty(), List.of(), false);
    private static final HttpLimits ONE_STREAM = new HttpLimits(8, 1, 1_024, 2_048, 1_024, Duration.ofSeconds(20), Duration.ofSeconds(30));

    @TempDir
    private Path directory;

    @SuppressWarnings("NullAway.Init") // set before each test
    private KnownRelay relay;

    @SuppressWarnings("NullAway.Init") // set before each test
    private HttpServer server;

    private int port;

    @BeforeEach
    void serve() throws Exception {
        relay = KnownRelay.streaming(directory.resolve("data"));
        RelayMetrics metrics = new RelayMetrics(relay.state(), KnownRelay.PROCESS, KnownRelay.NO_PACING);
        server = HttpServer.start(OPEN, ONE_STREAM, relay.state(), KnownRelay.PROCESS, metrics, TakenOrders.IGNORED, _ -> CompletableFuture.completedFuture(false));
        port = server.address().getPort();
    }

    @AfterEach
    void stop() throws Exception {
        server.close();
        relay.close();
    }

    @Test
    void saysOfTheEventsWhatAStreamWouldBegin() throws Exception {
        for (int i = 0; i < 3; i++) { // More than there may be streams.
            HttpResponse<String> head = send("HEAD");
            assertEquals(200, head.statusCode());
            assertEquals(Optional.of("text/event-stream; charset=utf-8"), head.headers().firstValue("content-type"));
            assertEquals(Optional.empty(), head.headers().firstValue("content-length"));
            assertEquals("", head.body());
        }
    }

    @Test
    void streamsRecentEventsAndThenThoseThatHappen() throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            BufferedReader lines = stream(socket, "");
            assertEquals(
                    "data: {\"at\":\"2026-01-02T03:04:05Z\",\"severity\":\"info\",\"kind\":\"connected\",\"text\":\"streaming from pg1:5432\"}",
                    nextData(lines));
            relay.state().events().error("fork", "two\nlines");
            assertEquals(
                    "data: {\"at\":\"2026-01-02T03:04:05Z\",\"severity\":\"error\",\"kind\":\"fork\",\"text\":\"two\\nlines\"}", nextData(lines));
            HttpResponse<String> second = send("GET");
            assertEquals(503, second.statusCode(), "one stream is the limit here");
        }
    }

    @Test
    void aStreamHasSnapshotsForWhoAsksForThem() throws Exception {
        relay.state().refused().note(new Refusal(
                KnownRelay.NOW, Refusal.Reason.DIVERGED, "c", Optional.empty(), "repl", "10.0.0.9", Diagnostic.error("XX000", "not in this server's history"), Optional.empty()));
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            BufferedReader lines = stream(socket, "?snapshots");
            assertTrue(nextData(lines).contains("\"kind\":\"connected\""), "events as ever");
            for (int i = 0; i < 2; i++) {
                JsonNode snapshot = Json.MAPPER.readTree(nextData(lines).substring("data: ".length()));
                assertEquals("a", snapshot.get("status").get("standbys").get(0).get("name").asString());
                assertEquals(0, snapshot.get("status").get("events").size(), "they come by themselves");
                assertEquals(List.of("memory", "disk"), snapshot.get("tiers").values().stream().map(tier -> tier.get("tier").asString()).toList());
                assertEquals("current", snapshot.get("timelines").get(0).get("state").asString());
                assertEquals("diverged", snapshot.get("refused").get(0).get("reason").asString());
            }
            relay.state().events().warning("fork", "now");
            assertTrue(Stream.generate(() -> nextData(lines)).limit(5).anyMatch(data -> data.contains("\"kind\":\"fork\"")));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "?snapshots"})
    void endsWhenOthersMayComeInThanBefore(String query) throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            BufferedReader lines = stream(socket, query);
            nextData(lines);
            server.prepare(OPEN).run();
            relay.state().events().warning("fork", "the same may");
            assertTrue(Stream.generate(() -> nextData(lines)).limit(5).anyMatch(data -> data.contains("the same may")));
            server.prepare(new HttpSettings(OPEN.address(), Optional.empty(), List.of(new HttpSettings.Token(Secret.utf8("new"), false)), false)).run();
            var end = assertThrows(UncheckedIOException.class, () -> Stream.generate(() -> nextData(lines)).limit(5).forEach(_ -> {}));
            assertTrue(String.valueOf(end.getMessage()).contains("the stream ended"), "not that nothing came: " + end);
            assertEquals(401, send("GET").statusCode());
        }
    }

    private HttpResponse<String> send(String method) throws Exception {
        URI uri = URI.create("http://127.0.0.1:%d/api/v1/events".formatted(port));
        HttpRequest request = HttpRequest.newBuilder(uri).method(method, HttpRequest.BodyPublishers.noBody()).timeout(Duration.ofSeconds(10)).build();
        try (HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            return http.send(request, HttpResponse.BodyHandlers.ofString());
        }
    }

    private static BufferedReader stream(Socket socket, String query) throws IOException {
        socket.setSoTimeout(10_000);
        socket.getOutputStream().write("GET /api/v1/events%s HTTP/1.1\r\nHost: localhost\r\n\r\n".formatted(query).getBytes(StandardCharsets.US_ASCII));
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    }

    private static String nextData(BufferedReader lines) {
        return Stream.generate(() -> readLine(lines)).filter(line -> line.startsWith("data:")).findFirst().orElseThrow();
    }

    private static String readLine(BufferedReader lines) {
        try {
            String line = lines.readLine();
            if (line == null) {
                throw new IOException("the stream ended");
            }
            return line;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
