package io.walrelay.cache.archive;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Hands requests to a server one after the other: for one that looks whether a key is taken and then takes it, which S3 does in one step. Before that
 * it does to each what a network, a proxy or a full store may do. Whoever opens it closes it.
 */
final class OneAtATime implements AutoCloseable {

    /** Of one connection, so of no concern to the next; the client makes its own. */
    private static final Set<String> OF_THE_CONNECTION = Set.of("host", "connection", "content-length", "expect", "transfer-encoding", "upgrade");

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final ReentrantLock turn = new ReentrantLock();
    private volatile Fault.Of faults = (_, _) -> new Fault.None();
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final String target;

    OneAtATime(String target) {
        this.target = target;
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException("could not listen", e);
        }
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    /** What happens to requests from now on. */
    void faults(Fault.Of newFaults) {
        faults = newFaults;
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            switch (faults.of(exchange.getRequestMethod(), exchange.getRequestURI().getPath())) {
                case Fault.None() -> takeTurn(exchange);
                case Fault.Slow(var by) -> {
                    LockSupport.parkNanos(by.toNanos());
                    takeTurn(exchange);
                }
                case Fault.Answer(var status, var text) -> {
                    byte[] body = text.getBytes(StandardCharsets.UTF_8);
                    exchange.getRequestBody().readAllBytes();
                    boolean empty = exchange.getRequestMethod().equals("HEAD") || body.length == 0;
                    exchange.sendResponseHeaders(status, empty ? -1 : body.length);
                    if (!empty) {
                        exchange.getResponseBody().write(body);
                    }
                }
                // Without an answer the connection just ends.
                case Fault.Cut() -> exchange.getRequestBody().close();
            }
        }
    }

    private void takeTurn(HttpExchange exchange) throws IOException {
        turn.lock();
        try {
            forward(exchange);
        } finally {
            turn.unlock();
        }
    }

    String endpoint() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private void forward(HttpExchange exchange) throws IOException {
        try {
            byte[] body = exchange.getRequestBody().readAllBytes();
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(target + exchange.getRequestURI()))
                    .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
            exchange.getRequestHeaders().forEach((name, values) -> {
                if (!OF_THE_CONNECTION.contains(name.toLowerCase(Locale.ROOT))) {
                    values.forEach(value -> request.header(name, value));
                }
            });
            HttpResponse<byte[]> response = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
            response.headers().map().forEach((name, values) -> {
                if (!OF_THE_CONNECTION.contains(name.toLowerCase(Locale.ROOT))) {
                    exchange.getResponseHeaders().put(name, values);
                }
            });
            boolean head = exchange.getRequestMethod().equals("HEAD");
            if (head) {
                response.headers().firstValue("content-length").ifPresent(length -> exchange.getResponseHeaders().set("Content-Length", length));
            }
            exchange.sendResponseHeaders(response.statusCode(), head || response.body().length == 0 ? -1 : response.body().length);
            if (!head) {
                exchange.getResponseBody().write(response.body());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
        client.close();
    }
}
