package io.walrelay.proxy.client;

import java.io.ByteArrayOutputStream;
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

    /** Whoever sends a byte now and then would be waited for without end. */
    private static final Duration LONGEST = Duration.ofSeconds(30);

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
                return new String(readAll(in, LONGEST), StandardCharsets.UTF_8);
            }
        } catch (UnknownHostException e) {
            throw new IOException("unknown host", e);
        } catch (IOException e) {
            connection.disconnect();
            throw e;
        }
    }

    static byte[] readAll(InputStream in, Duration longest) throws IOException {
        long began = System.nanoTime();
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] part = new byte[1 << 16];
        for (int n = in.read(part); n >= 0; n = in.read(part)) {
            all.write(part, 0, n);
            if (all.size() > MOST_BYTES) {
                throw new IOException("the answer has more than %d bytes".formatted(MOST_BYTES));
            }
            if (System.nanoTime() - began > longest.toNanos()) {
                throw new IOException("the answer was not there within %d s".formatted(longest.toSeconds()));
            }
        }
        return all.toByteArray();
    }
}
