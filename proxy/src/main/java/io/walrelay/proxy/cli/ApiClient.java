package io.walrelay.proxy.cli;

import io.walrelay.proxy.http.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;

/** Asks a running relay over its HTTP port. */
final class ApiClient implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final URI base;
    private final Optional<String> token;
    private final HttpClient http;

    /** @param trusted certificates (PEM) to believe instead of those that Java trusts */
    ApiClient(URI base, Optional<String> token, Optional<Path> trusted) throws IOException {
        this.base = base;
        this.token = token;
        HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(PATIENCE);
        if (trusted.isPresent() && "https".equals(base.getScheme())) {
            builder.sslContext(trusting(trusted.get()));
        }
        this.http = builder.build();
    }

    private static SSLContext trusting(Path pem) throws IOException {
        try (InputStream in = Files.newInputStream(pem)) {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int n = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("trusted-" + n++, certificate);
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("could not read certificates from %s: %s".formatted(pem, e.getMessage()), e);
        }
    }

    /** @throws IOException that says what to do, when there is no answer or another than 2xx */
    String get(String path) throws IOException, InterruptedException {
        return send(request(path).GET().build());
    }

    /** As {@link #get}, with a body of JSON. */
    String post(String path, String json) throws IOException, InterruptedException {
        return send(request(path)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build());
    }

    /** As {@link #post}, with PUT. */
    String put(String path, String json) throws IOException, InterruptedException {
        return send(request(path)
                .header("Content-Type", "application/json")
                .PUT(HttpRequest.BodyPublishers.ofString(json))
                .build());
    }

    /** As {@link #get}, with DELETE. */
    String delete(String path) throws IOException, InterruptedException {
        return send(request(path).DELETE().build());
    }

    /**
     * What an answer says; a relay that is newer than this program may say more.
     *
     * @throws IOException when it is something else
     */
    static <T> T read(Class<T> type, String body) throws IOException {
        try {
            return Json.MAPPER.readerFor(type).without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).readValue(body);
        } catch (JacksonException e) {
            throw new IOException("the answer is not what was asked for: %s; is this a relay's HTTP port?".formatted(e.getOriginalMessage()), e);
        }
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(base + path)).timeout(PATIENCE);
        token.ifPresent(t -> builder.header("Authorization", "Bearer " + t));
        return builder;
    }

    private String send(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<String> response;
        try {
            response = http.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (ConnectException e) {
            if (e.getCause() instanceof ConnectException inner && inner.getCause() instanceof UnresolvedAddressException) {
                throw new IOException("unknown host \"%s\" in %s; expected a name that this machine can look up, or an address".formatted(base.getHost(), base), e);
            }
            throw new IOException("nothing answers at %s; is the relay running? Another address is named with --relay or --http".formatted(base), e);
        } catch (HttpTimeoutException e) {
            throw new IOException("no answer from %s within %d seconds; is this the relay's HTTP port?".formatted(base, PATIENCE.toSeconds()), e);
        } catch (SSLException e) {
            throw new IOException("no TLS connection to %s: %s; expected a certificate that Java or --ca trusts, for that host".formatted(base, e.getMessage()), e);
        } catch (IOException e) {
            throw new IOException("no HTTP answer from %s: %s; is this the relay's HTTP port, and does it speak %s?".formatted(base, e.getMessage(), base.getScheme()), e);
        }
        return switch (response.statusCode() / 100) {
            case 2 -> response.body();
            default -> throw refused(response);
        };
    }

    private IOException refused(HttpResponse<String> response) {
        String hint = response.statusCode() == 401 || response.statusCode() == 403 ? "; a token is given with --token or WALRELAY_TOKEN" : "";
        return new IOException("%s refused (HTTP %d): %s%s".formatted(base, response.statusCode(), ErrorBody.text(response.body()), hint));
    }

    @Override
    public void close() {
        http.close();
    }
}
