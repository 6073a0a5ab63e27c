package io.walrelay.proxy.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks a relay for what its API says.
 *
 * @param longest an answer may take, from the connection to its last byte: whoever sends a byte now and then, of its headers too, would be waited for without end
 */
public record ApiQuery(Relays relays, Duration longest) {

    /** 10,000 slots are some 2 MB. */
    private static final int MOST_BYTES = 16 << 20;

    private static final Duration LONGEST = Duration.ofSeconds(30);

    public ApiQuery(Relays relays) {
        this(relays, LONGEST);
    }

    /**
     * The body of the answer.
     *
     * @throws IOException saying why there is none
     */
    public String get(URI relay, String path) throws IOException {
        FutureTask<String> answer = new FutureTask<>(() -> ask(relay, path));
        // An interrupt ends a virtual thread's wait for a socket, whatever that waits for.
        Thread asking = Thread.ofVirtual().name("api-query").start(answer);
        try {
            return answer.get(longest.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new IOException("the answer was not there within %d s".formatted(longest.toSeconds()), e);
        } catch (ExecutionException e) {
            throw new IOException(reason(e), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException ended = new InterruptedIOException("the answer is not waited for any longer");
            ended.initCause(e);
            throw ended;
        } finally {
            asking.interrupt();
        }
    }

    private String ask(URI relay, String path) throws IOException {
        HttpURLConnection connection = relays.open(relay, path, Duration.ZERO);
        try {
            if (connection.getResponseCode() != HttpURLConnection.HTTP_OK) {
                throw new IOException(Relays.refusal(connection));
            }
            try (InputStream in = connection.getInputStream()) {
                return new String(readAll(in), StandardCharsets.UTF_8);
            }
        } catch (UnknownHostException e) {
            throw new IOException("unknown host", e);
        } catch (IOException e) {
            connection.disconnect();
            throw e;
        }
    }

    private static byte[] readAll(InputStream in) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] part = new byte[1 << 16];
        for (int n = in.read(part); n >= 0; n = in.read(part)) {
            all.write(part, 0, n);
            if (all.size() > MOST_BYTES) {
                throw new IOException("the answer has more than %d bytes".formatted(MOST_BYTES));
            }
        }
        return all.toByteArray();
    }

    private static String reason(ExecutionException e) {
        Throwable cause = e.getCause();
        String message = cause == null ? null : cause.getMessage();
        return message == null ? String.valueOf(cause) : message;
    }
}
