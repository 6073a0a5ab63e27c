package io.walrelay.proxy.cli;

import io.walrelay.proxy.client.Relays;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a command that has no configuration shows relays who it is, and whom it believes; a mixin for picocli. */
final class RelayCredentials {

    @Option(names = "--token-file", paramLabel = "FILE", description = "Has a bearer token on its first line (default: the variable WALRELAY_TOKEN).")
    private @Nullable Path tokenFile;

    @Option(names = "--ca-file", paramLabel = "FILE", description = "Who signed the relays' certificates, PEM (default: whom Java trusts).")
    private @Nullable Path authority;

    @Option(names = "--cert", paramLabel = "FILE", description = "A client certificate, PEM.")
    private @Nullable Path certificate;

    @Option(names = "--key", paramLabel = "FILE", description = "Its private key, PEM.")
    private @Nullable Path key;

    /**
     * @param timeout how long a relay may send less than 1 kB/s
     * @throws IOException when a file can't be used
     */
    Relays relays(List<URI> urls, Duration timeout) throws IOException {
        boolean files = authority != null || certificate != null;
        boolean https = urls.stream().anyMatch(relay -> "https".equals(relay.getScheme()));
        Optional<SSLSocketFactory> tls = files && https ? Optional.of(Relays.tls(authority, certificate, key)) : Optional.empty();
        return new Relays(urls, token(), tls, timeout);
    }

    private Optional<String> token() throws IOException {
        if (tokenFile == null) {
            return Optional.ofNullable(System.getenv("WALRELAY_TOKEN")).filter(token -> !token.isEmpty());
        }
        Optional<String> token = Files.readString(tokenFile).lines().findFirst().filter(line -> !line.isBlank());
        if (token.isEmpty()) {
            throw new IOException("no token in %s; expected it on the first line".formatted(tokenFile));
        }
        return token.map(String::strip);
    }
}
