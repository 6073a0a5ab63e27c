package io.walrelay.proxy.containers;

import io.walrelay.proxy.http.Json;
import io.walrelay.proxy.http.StatusReport;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Predicate;

/** The relay, in its own image. */
final class RelayNode extends Node {

    static final int HTTP_PORT = 8433;

    private final String token;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(5)).build();

    RelayNode(String name, String token, Function<String, NodeContainer> make) {
        super(name, HTTP_PORT, make);
        this.token = token;
    }

    /** Waits until {@code accepted} holds of its status, which is returned. */
    StatusReport await(String what, Duration limit, Predicate<StatusReport> accepted) {
        return await(what, limit, this::status, accepted);
    }

    /** Waits until it streams from {@code host} and nobody has to decide anything. */
    StatusReport awaitStreaming(String host, Duration limit) {
        return await(
                "streaming from " + host,
                limit,
                status -> status.upstream().state().equals("streaming") && status.upstream().host().orElse("").startsWith(host + ":") && status.ready());
    }

    private StatusReport status() throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://%s/api/v1/status".formatted(address())))
                .header("Authorization", "Bearer " + token)
                .timeout(Duration.ofSeconds(5))
                .build();
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException("HTTP status %d".formatted(answer.statusCode()));
        }
        return Json.MAPPER.readValue(answer.body(), StatusReport.class);
    }

    @Override
    public void close() {
        http.close();
        super.close();
    }
}
