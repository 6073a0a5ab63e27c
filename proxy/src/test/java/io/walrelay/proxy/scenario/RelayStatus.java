package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.function.Predicate;

/** What a relay says of itself on {@code /api/v1/status}. */
final class RelayStatus {

    private RelayStatus() {}

    static StatusReport of(RelayProcess relay) throws IOException, InterruptedException {
        return Json.MAPPER.readValue(relay.get("/api/v1/status").body(), StatusReport.class);
    }

    /** Waits until {@code accepted} holds of the status, which is returned. */
    static StatusReport await(String what, RelayProcess relay, Duration limit, Predicate<StatusReport> accepted) {
        try {
            return Await.until(what, limit, () -> of(relay), accepted);
        } catch (Await.TimedOut e) {
            throw new AssertionError(e.getMessage() + "; the relay's log:\n" + relay.log(), e);
        }
    }

    /** Waits until the relay streams from {@code server}. */
    static StatusReport awaitStreaming(RelayProcess relay, LocalPostgres server, Duration limit) {
        return await(
                "the relay to stream from " + server.name(),
                relay,
                limit,
                s -> s.upstream().state().equals("streaming") && s.upstream().host().orElse("").endsWith(":" + server.port()));
    }

    /** As {@code walrelay follow}. */
    static void follow(RelayProcess relay, String host) throws IOException, InterruptedException {
        HttpRequest order = HttpRequest.newBuilder(URI.create("http://127.0.0.1:%d/api/v1/upstream".formatted(relay.httpPort())))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"follow\": \"%s\"}".formatted(host)))
                .build();
        try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            assertEquals(202, client.send(order, HttpResponse.BodyHandlers.ofString()).statusCode());
        }
    }

    /** How far the relay acknowledged. */
    static Lsn acknowledged(StatusReport status) {
        return Lsn.parse(status.upstream().acknowledged().orElseThrow());
    }
}
