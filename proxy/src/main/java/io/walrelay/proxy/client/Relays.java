package io.walrelay.proxy.client;

import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/**
 * The relays that are asked, and how they are reached.
 *
 * <p>By {@link HttpURLConnection}: {@link HttpClient} takes a JVM that does nothing else half a second to set up, for every segment.
 *
 * @param urls    in the order in which they are asked
 * @param token   the bearer token
 * @param tls     for https, if it is not the machine's trust that counts
 * @param timeout how long a relay may send less than 1 kB/s
 */
public record Relays(List<URI> urls, Optional<String> token, Optional<SSLSocketFactory> tls, Duration timeout) {

    private static final Duration CONNECT = Duration.ofSeconds(5);
    private static final int LONGEST_REASON = 500;

    /**
     * Reads {@code URL[,URL]}.
     *
     * @throws IllegalArgumentException if one is none
     */
    public static List<URI> parse(String list) {
        List<URI> urls = new ArrayList<>();
        for (String url : list.split(",", -1)) {
            urls.add(parseOne(url.strip().replaceFirst("/+$", "")));
        }
        return List.copyOf(urls);
    }

    private static URI parseOne(String url) {
        try {
            URI uri = URI.create(url);
            if (uri.getHost() != null && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(notOne(url), e);
        }
        throw new IllegalArgumentException(notOne(url));
    }

    private static String notOne(String url) {
        return "not a relay's URL: \"%s\"; expected one like http://relay:8433, several with commas between them".formatted(url);
    }

    /**
     * How to speak TLS, from PEM files.
     *
     * @throws IOException if one can't be used
     */
    public static SSLSocketFactory tls(@Nullable Path authority, @Nullable Path certificate, @Nullable Path key) throws IOException {
        // Netty reads the files; the JDK speaks.
        SslContextBuilder builder = SslContextBuilder.forClient().sslProvider(SslProvider.JDK);
        try {
            if (authority != null) {
                builder.trustManager(authority.toFile());
            }
            if (certificate != null && key != null) {
                builder.keyManager(certificate.toFile(), key.toFile());
            }
            if (builder.build() instanceof io.netty.handler.ssl.JdkSslContext context) {
                return context.context().getSocketFactory();
            }
            throw new IOException("no TLS of the JDK");
        } catch (IllegalArgumentException e) {
            throw new IOException("could not use --ca-file %s, --cert %s, --key %s: %s".formatted(authority, certificate, key, e.getMessage()), e);
        }
    }

    /** A connection that is not open yet. The caller disconnects it. */
    HttpURLConnection open(URI relay, String pathAndQuery, Duration wait) throws IOException {
        HttpURLConnection connection =
                (HttpURLConnection) URI.create(relay + pathAndQuery).toURL().openConnection(Proxy.NO_PROXY);
        connection.setConnectTimeout((int) CONNECT.toMillis());
        connection.setReadTimeout(Math.clamp(timeout.plus(wait).toMillis(), 1, Integer.MAX_VALUE));
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        token.ifPresent(t -> connection.setRequestProperty("Authorization", "Bearer " + t));
        if (connection instanceof HttpsURLConnection https) {
            tls.ifPresent(https::setSSLSocketFactory);
        }
        return connection;
    }

    /** Why the relay refused: the status, and what it says about it if that is text. */
    static String refusal(HttpURLConnection connection) throws IOException {
        if (connection.getResponseCode() < 0) {
            return "the answer is no HTTP; is this the relay's HTTP port?";
        }
        String status = "HTTP " + connection.getResponseCode();
        try (InputStream body = connection.getErrorStream()) {
            String said = body == null ? "" : new String(body.readNBytes(LONGEST_REASON), StandardCharsets.UTF_8).strip();
            String line = said.lines().findFirst().orElse("");
            return line.isEmpty() || line.chars().anyMatch(Character::isISOControl) ? status : status + ": " + line;
        } catch (IOException e) {
            return status + " (" + e.getMessage() + ")";
        }
    }
}
