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

/** How a command shows relays who it is, and whom it believes: the same options for all that use the HTTP port; a mixin for picocli. */
final class RelayCredentials {

    @Option(names = "--token-file", paramLabel = "FILE", description = "Has a bearer token on its first line (default: the variable WALRELAY_TOKEN; for the relay on this machine else one of its configuration).")
    private @Nullable Path tokenFile;

    @Option(names = {"--ca-file", "--ca"}, paramLabel = "FILE", description = "Who signed the relays' certificates, PEM (default: whom Java trusts; for the relay on this machine its own certificate).")
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
        boolean https = urls.stream().anyMatch(RelayCredentials::isHttps);
        return new Relays(urls, token(), https ? tls(Optional.empty()) : Optional.empty(), timeout);
    }

    /**
     * One relay's.
     *
     * @param given a token, instead of any that is named here
     * @param known a token, if none is given
     * @param trusted who signed its certificate, if nobody is named here
     * @throws IOException when a file can't be used
     */
    ApiClient client(URI url, Optional<String> given, Optional<String> known, Optional<Path> trusted) throws IOException {
        return new ApiClient(url, given.isPresent() ? given : token().or(() -> known), isHttps(url) ? tls(trusted) : Optional.empty());
    }

    private static boolean isHttps(URI url) {
        return "https".equals(url.getScheme());
    }

    /** Empty: as Java does. */
    private Optional<SSLSocketFactory> tls(Optional<Path> trusted) throws IOException {
        if ((certificate == null) != (key == null)) {
            throw new IOException("--cert and --key go together; expected both or none of them");
        }
        Optional<Path> believed = Optional.ofNullable(authority).or(() -> trusted);
        return believed.isEmpty() && certificate == null ? Optional.empty() : Optional.of(Relays.tls(believed.orElse(null), certificate, key));
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
