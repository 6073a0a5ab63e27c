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
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import javax.net.ssl.SSLSocketFactory;

/** The relays beside this one, each asked on a thread of its own so that one that hangs delays no other. Started and closed by one thread. */
public final class Peers implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final List<PeerWatch> watches;

    private Peers(List<PeerWatch> watches) {
        this.watches = watches;
    }

    /**
     * Peers that nobody asks yet.
     *
     * @param http the relay's own port: relays beside each other have tokens and certificates in common
     * @throws IOException when a certificate can't be used
     */
    public static Peers of(PeerSettings settings, HttpSettings http, RelayState relay) throws IOException {
        List<URI> urls = settings.urls().stream().map(url -> Relays.parse(url.toString())).flatMap(List::stream).toList();
        ApiQuery query = new ApiQuery(new Relays(urls, token(http), tls(settings, http), PATIENCE));
        return new Peers(urls.stream().distinct().map(url -> new PeerWatch(url, query, relay)).toList());
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
        if (settings.urls().stream().noneMatch(url -> "https".equals(url.getScheme()))) {
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
