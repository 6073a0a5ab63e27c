package io.walrelay.proxy.cli;

import io.walrelay.proxy.http.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocketFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;

/**
 * Asks a running relay over its HTTP port, a connection for each question.
 *
 * <p>By {@link HttpURLConnection}: a command is over soon, and {@link HttpClient} takes it half a second to set up. It asks once for what makes a slot
 * if {@link Main} has said so.
 */
final class ApiClient implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final URI base;
    private final Optional<String> token;
    private final Optional<SSLSocketFactory> tls;

    /** @param tls for https, if it is not the machine's trust that counts */
    ApiClient(URI base, Optional<String> token, Optional<SSLSocketFactory> tls) {
        this.base = base;
        this.token = token;
        this.tls = tls;
    }

    /**
     * Asks.
     *
     * @throws IOException that says what to do, when there is no answer or another than 2xx
     * @throws InterruptedException the thread was interrupted before
     */
    String get(String path) throws IOException, InterruptedException {
        return send("GET", path, Optional.empty());
    }

    /** As {@link #get}, with a body of JSON. */
    String post(String path, String json) throws IOException, InterruptedException {
        return send("POST", path, Optional.of(json));
    }

    /** As {@link #post}, with PUT. */
    String put(String path, String json) throws IOException, InterruptedException {
        return send("PUT", path, Optional.of(json));
    }

    /** As {@link #get}, with DELETE. */
    String delete(String path) throws IOException, InterruptedException {
        return send("DELETE", path, Optional.empty());
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

    private String send(String method, String path, Optional<String> json) throws IOException, InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        HttpURLConnection connection = open(method, path);
        try {
            return answer(connection, json);
        } catch (UnknownHostException e) {
            throw new IOException("unknown host \"%s\" in %s; expected a name that this machine can look up, or an address".formatted(base.getHost(), base), e);
        } catch (ConnectException e) {
            throw new IOException("nothing answers at %s; is the relay running? Another address is named with --relay or --http".formatted(base), e);
        } catch (SocketTimeoutException e) {
            throw new IOException("no answer from %s within %d seconds; is this the relay's HTTP port?".formatted(base, PATIENCE.toSeconds()), e);
        } catch (SSLException e) {
            throw new IOException("no TLS connection to %s: %s; expected a certificate that Java or --ca-file trusts, for that host".formatted(base, e.getMessage()), e);
        } catch (RefusedByRelay e) {
            throw e;
        } catch (IOException e) {
            throw new IOException("no HTTP answer from %s: %s; is this the relay's HTTP port, and does it speak %s?".formatted(base, e.getMessage(), base.getScheme()), e);
        } finally {
            connection.disconnect();
        }
    }

    private HttpURLConnection open(String method, String path) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create(base + path).toURL().openConnection();
        connection.setRequestMethod(method);
        connection.setConnectTimeout((int) PATIENCE.toMillis());
        connection.setReadTimeout((int) PATIENCE.toMillis());
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        token.ifPresent(t -> connection.setRequestProperty("Authorization", "Bearer " + t));
        if (connection instanceof HttpsURLConnection https) {
            tls.ifPresent(https::setSSLSocketFactory);
        }
        return connection;
    }

    private String answer(HttpURLConnection connection, Optional<String> json) throws IOException {
        if (json.isPresent()) {
            byte[] body = json.get().getBytes(StandardCharsets.UTF_8);
            connection.setRequestProperty("Content-Type", "application/json");
            connection.setDoOutput(true);
            // Not in a streaming mode, in which Java keeps to itself what was said about a token that is wrong.
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            }
        }
        int status = connection.getResponseCode();
        if (status < 0) {
            throw new IOException("it speaks something else");
        }
        boolean done = status / 100 == 2;
        try (InputStream in = done ? connection.getInputStream() : connection.getErrorStream()) {
            String text = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
            if (!done) {
                throw new RefusedByRelay(refusal(status, text));
            }
            return text;
        }
    }

    private String refusal(int status, String body) {
        String hint = status == HttpURLConnection.HTTP_UNAUTHORIZED || status == HttpURLConnection.HTTP_FORBIDDEN ? "; a token is given with --token-file or WALRELAY_TOKEN, a client certificate with --cert and --key" : "";
        return "%s refused (HTTP %d): %s%s".formatted(base, status, ErrorBody.text(body), hint);
    }

    /** It has answered, and its answer is no. */
    private static final class RefusedByRelay extends IOException {
        private static final long serialVersionUID = 1;

        RefusedByRelay(String message) {
            super(message);
        }
    }

    @Override
    public void close() {
        // Nothing stays open.
    }
}
