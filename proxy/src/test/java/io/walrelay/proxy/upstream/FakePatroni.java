package io.walrelay.proxy.upstream;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.walrelay.proxy.demo.FreePort;
import io.walrelay.proxy.demo.LocalPostgres;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;

/**
 * What Patroni's REST API says of servers, on 127.0.0.1 for the first of them, on 127.0.0.2 for the second, and so on, all on one port:
 * {@code GET /primary} is 200 where the leader is and 503 elsewhere, {@code GET /cluster} the same document everywhere. Thread-safe.
 */
final class FakePatroni implements AutoCloseable {

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final CountDownLatch closing = new CountDownLatch(1);
    private final List<HttpServer> nodes = new ArrayList<>();
    private final List<LocalPostgres> members;
    private final int port = FreePort.next();
    private volatile int leader = -1;
    private volatile boolean silent;
    private volatile UnaryOperator<String> document = UnaryOperator.identity();

    private FakePatroni(List<LocalPostgres> members) {
        this.members = members;
    }

    /** Of {@code members}, none of which is the leader yet. */
    static FakePatroni of(LocalPostgres... members) throws IOException {
        FakePatroni patroni = new FakePatroni(List.of(members));
        for (int i = 0; i < Math.max(members.length, 1); i++) {
            patroni.start(i);
        }
        return patroni;
    }

    private void start(int node) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) (node + 1)}), port), 0);
        server.setExecutor(threads);
        server.createContext("/primary", exchange -> answer(exchange, node == leader ? 200 : 503, "{}"));
        server.createContext("/cluster", exchange -> answer(exchange, 200, document.apply(cluster())));
        server.start();
        nodes.add(server);
    }

    private String cluster() {
        List<String> json = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            json.add("{\"name\": \"pg%d\", \"role\": \"%s\", \"state\": \"running\", \"api_url\": \"http://127.0.0.%d:%d/patroni\", \"host\": \"127.0.0.1\", \"port\": %d, \"timeline\": 1}"
                    .formatted(i, i == leader ? "leader" : "replica", i + 1, port, members.get(i).port()));
        }
        return "{\"members\": [%s], \"scope\": \"demo\"}".formatted(String.join(", ", json));
    }

    private void answer(HttpExchange exchange, int status, String body) {
        try (exchange) {
            if (silent) {
                closing.await();
            }
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    String clusterUrl() {
        return "http://127.0.0.1:%d/cluster".formatted(port);
    }

    /** For hosts 127.0.0.1, 127.0.0.2 … */
    String primaryUrl() {
        return "http://{host}:%d/primary".formatted(port);
    }

    void elect(LocalPostgres member) {
        leader = members.indexOf(member);
    }

    void electFirstNode() {
        leader = 0;
    }

    void electNobody() {
        leader = -1;
    }

    /** It takes questions and does not answer them. */
    void silence(boolean on) {
        silent = on;
    }

    /** It answers {@code /cluster} with something else. */
    void say(UnaryOperator<String> instead) {
        document = instead;
    }

    @Override
    public void close() {
        closing.countDown();
        nodes.forEach(node -> node.stop(0));
        threads.shutdownNow();
    }
}
