package io.walrelay.proxy.upstream;

import io.walrelay.proxy.config.HintUrl;
import io.walrelay.proxy.config.UpstreamSettings;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.servers.TlsClient;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;

/** Asks {@code upstream.hint} once. No call waits. Thread-safe. */
final class HintQuery implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofSeconds(2);
    private static final long MOST_BYTES = 1 << 20;

    /** What one URL answered. */
    private sealed interface Reply {
        record Said(int status, String body) implements Reply {}

        record Nothing(String reason) implements Reply {}
    }

    private final HintUrl url;
    private final List<HostAddress> named;
    /** Platform threads: nothing limits how long the system looks a name up. */
    private final ExecutorService threads =
            Executors.newCachedThreadPool(Thread.ofPlatform().daemon().name("upstream-hint-", 0).factory());
    private final HttpClient client;

    /**
     * @param named the hosts of the connection string
     * @throws IOException when the file of authorities can't be used
     */
    HintQuery(UpstreamSettings.Hint settings, List<HostAddress> named) throws IOException {
        this.url = settings.url();
        this.named = List.copyOf(named);
        HttpClient.Builder builder = HttpClient.newBuilder().executor(threads).connectTimeout(LIMIT).version(HttpClient.Version.HTTP_1_1);
        if (settings.authorities().isPresent()) {
            builder.sslContext(trusting(settings.authorities().get()));
        }
        this.client = builder.build();
    }

    private static SSLContext trusting(Path authorities) throws IOException {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, TlsClient.trustManagers(authorities, Optional.empty()).getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("upstream.hint-ca \"%s\" can't be used: %s".formatted(authorities, e.getMessage()), e);
        }
    }

    /** The answer; it never fails. */
    CompletableFuture<Hint> ask() {
        CompletableFuture<Hint> hint = url.asksEachHost() ? askEachHost() : get("").thenApplyAsync(this::leader, threads);
        return hint.exceptionally(e -> new Hint.Silent("%s could not be asked: %s".formatted(url, e)));
    }

    private CompletableFuture<Hint> askEachHost() {
        Map<HostAddress, CompletableFuture<Reply>> asked = new LinkedHashMap<>();
        named.forEach(host -> asked.put(host, get(host.host())));
        return CompletableFuture.allOf(asked.values().toArray(CompletableFuture<?>[]::new)).thenApply(_ -> {
            Map<HostAddress, Reply> replies = new LinkedHashMap<>();
            asked.forEach((host, reply) -> replies.put(host, reply.join()));
            return primary(replies);
        });
    }

    /** All have to be heard: one that was cut off from the others may not know yet that it is the primary no more. */
    private Hint primary(Map<HostAddress, Reply> replies) {
        List<HostAddress> primaries = replies.entrySet().stream()
                .filter(e -> e.getValue() instanceof Reply.Said(var status, _) && status == 200)
                .map(Map.Entry::getKey)
                .toList();
        if (primaries.size() == 1) {
            return new Hint.Names(primaries.getFirst());
        }
        String replied = replies.entrySet().stream().map(e -> e.getKey() + ": " + shown(e.getValue())).collect(Collectors.joining(", "));
        return new Hint.Silent("%s is answered with 200 by %d hosts, expected one (%s)".formatted(url, primaries.size(), replied));
    }

    private Hint leader(Reply reply) {
        if (reply instanceof Reply.Said(var status, var body) && status == 200) {
            try {
                return new Hint.Names(asNamed(PatroniCluster.leader(body)));
            } catch (IllegalArgumentException e) {
                return new Hint.Silent("%s answered with %s".formatted(url, e.getMessage()));
            }
        }
        return new Hint.Silent("%s: %s".formatted(url, shown(reply)));
    }

    private static String shown(Reply reply) {
        return switch (reply) {
            case Reply.Said(var status, _) -> "HTTP " + status;
            case Reply.Nothing(var reason) -> reason;
        };
    }

    /** The host of the connection string that {@code host} is, by its name or by its address; otherwise itself. Looks names up. */
    private HostAddress asNamed(HostAddress host) {
        List<HostAddress> samePort = named.stream().filter(n -> n.port() == host.port()).toList();
        return samePort.stream()
                .filter(n -> n.host().equalsIgnoreCase(host.host()) || n.target().equalsIgnoreCase(host.host()))
                .findFirst()
                .or(() -> {
                    Set<InetAddress> addresses = addresses(host.host());
                    return samePort.stream().filter(n -> addresses(n.target()).stream().anyMatch(addresses::contains)).findFirst();
                })
                .orElse(host);
    }

    private static Set<InetAddress> addresses(String host) {
        try {
            return Set.copyOf(Arrays.asList(InetAddress.getAllByName(host)));
        } catch (UnknownHostException e) {
            // Then it is nobody else's address.
            return Set.of();
        }
    }

    private CompletableFuture<Reply> get(String host) {
        URI uri;
        try {
            uri = url.of(host);
        } catch (IllegalArgumentException e) {
            return CompletableFuture.completedFuture(new Reply.Nothing(String.valueOf(e.getMessage())));
        }
        HttpRequest request = HttpRequest.newBuilder(uri).header("Accept", "application/json").build();
        CompletableFuture<HttpResponse<String>> sent =
                client.sendAsync(request, HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8), MOST_BYTES));
        return sent.copy().orTimeout(LIMIT.toMillis(), TimeUnit.MILLISECONDS).handle((response, failure) -> {
            if (failure == null) {
                return new Reply.Said(response.statusCode(), response.body());
            }
            sent.cancel(true);
            return new Reply.Nothing(reason(failure));
        });
    }

    private static String reason(Throwable failure) {
        Throwable cause = failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return switch (cause) {
            case TimeoutException _ -> "no answer within %d s".formatted(LIMIT.toSeconds());
            case ConnectException _ -> "it could not be connected to";
            default -> cause.getMessage() == null ? cause.toString() : cause.getMessage();
        };
    }

    @Override
    public void close() {
        client.shutdownNow();
        threads.shutdownNow();
    }
}
