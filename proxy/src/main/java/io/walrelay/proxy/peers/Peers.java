package io.walrelay.proxy.peers;

import io.walrelay.proxy.client.ApiQuery;
import io.walrelay.proxy.client.Relays;
import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.HttpSettings.Token;
import io.walrelay.proxy.config.PeerSettings;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import javax.net.ssl.SSLSocketFactory;

/** The relays beside this one, each asked on a thread of its own so that one that hangs delays no other. Started and closed by one thread. */
public final class Peers implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final List<PeerWatch> watches;

    /** What they are asked with: the token, and the files' bytes. */
    private final List<Optional<ByteBuffer>> means;

    private Peers(List<PeerWatch> watches, List<Optional<ByteBuffer>> means) {
        this.watches = watches;
        this.means = List.copyOf(means);
    }

    /**
     * Peers that nobody asks yet.
     *
     * @param http the relay's own port: relays beside each other have tokens and certificates in common
     * @throws IOException when a certificate can't be used
     */
    public static Peers of(PeerSettings settings, HttpSettings http, RelayState relay) throws IOException {
        // Before they are used: what is written meanwhile is another one the next time.
        List<Optional<ByteBuffer>> means = means(settings, http);
        List<URI> urls = settings.urls().stream().map(url -> Relays.parse(url.toString())).flatMap(List::stream).toList();
        ApiQuery query = new ApiQuery(new Relays(urls, token(http), tls(settings, http), PATIENCE));
        return new Peers(urls.stream().distinct().map(url -> new PeerWatch(url, query, relay)).toList(), means);
    }

    /** Whether they are asked as {@code others}, of the same URLs: with the same token and the same certificates. */
    public boolean asAre(Peers others) {
        return means.equals(others.means);
    }

    private static List<Optional<ByteBuffer>> means(PeerSettings settings, HttpSettings http) throws IOException {
        List<Optional<ByteBuffer>> means = new ArrayList<>();
        means.add(token(http).map(StandardCharsets.UTF_8::encode));
        if (secured(settings)) {
            for (Optional<Path> file : List.of(settings.authority(), http.tls().map(TlsSettings::cert), http.tls().map(TlsSettings::key))) {
                means.add(file.isPresent() ? Optional.of(ByteBuffer.wrap(Files.readAllBytes(file.get()))) : Optional.empty());
            }
        }
        return means;
    }

    private static boolean secured(PeerSettings settings) {
        return settings.urls().stream().anyMatch(url -> "https".equals(url.getScheme()));
    }

    /** Begins to ask. */
    public void start() {
        watches.forEach(PeerWatch::start);
    }

    /** The one that can do least. */
    private static Optional<String> token(HttpSettings http) {
        return http.tokens().stream().min(Comparator.comparing(token -> !token.readOnly())).map(Token::token).map(secret -> secret.utf8());
    }

    private static Optional<SSLSocketFactory> tls(PeerSettings settings, HttpSettings http) throws IOException {
        if (!secured(settings)) {
            return Optional.empty();
        }
        Optional<TlsSettings> own = http.tls();
        Path authority = settings.authority().orElse(null);
        return Optional.of(Relays.tls(authority, own.map(TlsSettings::cert).orElse(null), own.map(TlsSettings::key).orElse(null)));
    }

    @Override
    public void close() {
        watches.forEach(PeerWatch::close);
    }
}
