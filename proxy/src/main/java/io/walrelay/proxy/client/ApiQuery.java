package io.walrelay.proxy.client;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Asks a relay for what its API says. */
public record ApiQuery(Relays relays) {

    /** 10,000 slots are some 2 MB. */
    private static final int MOST_BYTES = 16 << 20;

    /**
     * The body of the answer.
     *
     * @throws IOException saying why there is none
     */
    public String get(URI relay, String path) throws IOException {
        HttpURLConnection connection = relays.open(relay, path, Duration.ZERO);
        try {
            if (connection.getResponseCode() != HttpURLConnection.HTTP_OK) {
                throw new IOException(Relays.refusal(connection));
            }
            try (InputStream in = connection.getInputStream()) {
                byte[] body = in.readNBytes(MOST_BYTES + 1);
                if (body.length > MOST_BYTES) {
                    throw new IOException("the answer has more than %d bytes".formatted(MOST_BYTES));
                }
                return new String(body, StandardCharsets.UTF_8);
            }
        } catch (UnknownHostException e) {
            throw new IOException("unknown host", e);
        } catch (IOException e) {
            connection.disconnect();
            throw e;
        }
    }
}
