package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.HttpSettings;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.config.UpstreamSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of every command that talks to a running relay; a mixin for picocli. */
final class ApiOptions {

    @Mixin
    private final SettingsOptions settings = new SettingsOptions();

    @Option(names = {"--relay", "--url"}, paramLabel = "URL", description = "The relay's HTTP port, like https://relay:8433 (default: the one on this machine, by its configuration).")
    private @Nullable String url;

    /** For the relay on this machine there are defaults: a token of its configuration, and its own certificate. */
    @Mixin
    private final RelayCredentials credentials = new RelayCredentials();

    @Option(names = "--token", paramLabel = "TOKEN", description = "A bearer token, instead of --token-file; others may see it in the list of processes.")
    private @Nullable String token;

    /**
     * @param changes whether a read-only token is of no use
     * @throws InvalidSettingsException when the configuration was needed and is wrong
     */
    ApiClient connect(boolean changes) throws InvalidSettingsException, IOException {
        if (url != null) {
            return client(base(url), Optional.empty(), Optional.empty());
        }
        HttpSettings http = settings.concludeHttp();
        String scheme = http.tls().isPresent() ? "https" : "http";
        Optional<String> own = http.tokens().stream()
                .filter(t -> !changes || !t.readOnly())
                // Status with the token that can do least.
                .min(Comparator.comparing(t -> !t.readOnly()))
                .map(t -> t.token().utf8());
        return client(base(scheme + "://" + reachable(http.address().toString())), own, http.tls().map(TlsSettings::cert));
    }

    private ApiClient client(URI base, Optional<String> known, Optional<Path> trusted) throws IOException {
        return credentials.client(base, Optional.ofNullable(token), known, trusted);
    }

    /** As {@link SettingsOptions#namesUpstream}. */
    boolean namesUpstream() {
        return settings.namesUpstream();
    }

    /** As {@link SettingsOptions#concludeUpstream}. */
    UpstreamSettings upstream() throws InvalidSettingsException {
        return settings.concludeUpstream();
    }

    /** What listens everywhere is reached here. */
    private static String reachable(String address) {
        return address.replaceFirst("^0\\.0\\.0\\.0:", "127.0.0.1:").replaceFirst("^\\[::]:", "[::1]:");
    }

    private static URI base(String url) throws IOException {
        try {
            URI uri = URI.create(url.replaceFirst("/+$", ""));
            String scheme = uri.getScheme();
            if (uri.getHost() != null && ("http".equals(scheme) || "https".equals(scheme))) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            throw new IOException("not a URL: \"%s\"; expected one like https://relay:8433".formatted(url), e);
        }
        throw new IOException("not a URL: \"%s\"; expected one like https://relay:8433".formatted(url));
    }
}
