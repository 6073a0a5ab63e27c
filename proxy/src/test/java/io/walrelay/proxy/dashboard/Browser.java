package io.walrelay.proxy.dashboard;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.testkit.ExternalProcess;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A headless Chromium, driven by its DevTools protocol: commands go out with a number and come back with it; what happens in the browser comes in
 * between. Confined to the test that made it; closing kills it with all its processes.
 */
final class Browser implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final JsonMapper JSON = JsonMapper.shared();

    private final ExternalProcess process;
    private final HttpClient http;
    private final Messages messages;
    private final WebSocket socket;
    private final AtomicInteger numbers = new AtomicInteger();

    private Browser(ExternalProcess process, HttpClient http, Messages messages, WebSocket socket) {
        this.process = process;
        this.http = http;
        this.messages = messages;
        this.socket = socket;
    }

    /** @param profile a directory for all that it writes, which the caller deletes */
    static Browser start(Path profile) {
        String program = Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
                .filter(file -> Files.isExecutable(Path.of(file)))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no Chromium in /usr/bin; this brings it: .ci/prepare"));
        // Its sandbox needs more than a container gives to root; what it loads is ours.
        ExternalProcess process = ExternalProcess.start(
                List.of(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                        "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync", "--force-color-profile=srgb",
                        "--user-data-dir=" + profile, "--remote-debugging-port=0", "about:blank"),
                Map.of("HOME", profile.toString()));
        HttpClient http = HttpClient.newHttpClient();
        try {
            Messages messages = new Messages();
            WebSocket socket = http.newWebSocketBuilder().buildAsync(devTools(process, profile.resolve("DevToolsActivePort")), messages).get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            return new Browser(process, http, messages, socket);
        } catch (InterruptedException | ExecutionException | TimeoutException | RuntimeException | Error e) {
            String said = process.output();
            http.shutdownNow();
            process.close();
            throw new AssertionError("could not talk to the browser: " + said, e);
        }
    }

    /** The file's lines are the port and the path. */
    private static URI devTools(ExternalProcess process, Path file) {
        List<String> lines = Await.until("the browser to listen", LIMIT, () -> process.isRunning() && Files.exists(file) ? Files.readAllLines(file) : List.<String>of(), found -> found.size() == 2 || !process.isRunning());
        if (lines.size() != 2) {
            throw new AssertionError("the browser ended: " + process.output());
        }
        return URI.create("ws://127.0.0.1:%s%s".formatted(lines.getFirst(), lines.getLast()));
    }

    /** Opens an empty page. */
    Page open() {
        String target = call(Optional.empty(), "Target.createTarget", Map.of("url", "about:blank")).get("targetId").asString();
        String session = call(Optional.empty(), "Target.attachToTarget", Map.of("targetId", target, "flatten", true)).get("sessionId").asString();
        Page page = new Page(this, session);
        messages.listeners.add(page::happened);
        page.begin();
        return page;
    }

    /** @return its result; fails with the browser's words */
    JsonNode call(Optional<String> session, String method, Map<String, ?> parameters) {
        int number = numbers.incrementAndGet();
        Map<String, Object> message = new LinkedHashMap<>(Map.of("id", number, "method", method, "params", parameters));
        session.ifPresent(id -> message.put("sessionId", id));
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        messages.waiting.put(number, answer);
        try {
            socket.sendText(JSON.writeValueAsString(message), true).get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            JsonNode came = answer.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
            if (came.has("error")) {
                throw new AssertionError("%s: %s".formatted(method, came.get("error")));
            }
            return came.get("result");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted in " + method, e);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError("the browser did not answer %s: %s".formatted(method, process.output()), e);
        }
    }

    /** Puts the parts of a message together and hands it on. Its methods are called one after the other. */
    private static final class Messages implements WebSocket.Listener {

        private final Map<Integer, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
        private final List<Consumer<JsonNode>> listeners = new CopyOnWriteArrayList<>();
        private final StringBuilder parts = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
            parts.append(data);
            if (last) {
                JsonNode message = JSON.readTree(parts.toString());
                parts.setLength(0);
                if (message.has("id")) {
                    CompletableFuture<JsonNode> answer = waiting.remove(message.get("id").asInt());
                    if (answer != null) {
                        answer.complete(message);
                    }
                } else {
                    listeners.forEach(listener -> listener.accept(message));
                }
            }
            from.request(1);
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public void onError(WebSocket from, Throwable error) {
            waiting.values().forEach(answer -> answer.completeExceptionally(new IOException("the browser is gone", error)));
        }
    }

    @Override
    public void close() {
        socket.abort();
        http.shutdownNow();
        process.close();
    }
}
