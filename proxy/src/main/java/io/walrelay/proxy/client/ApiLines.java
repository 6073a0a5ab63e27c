package io.walrelay.proxy.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Asks relays in turn for something that may be long, which is read while it comes. */
public record ApiLines(Relays relays) {

    private static final int LONGEST_PAUSE_SECONDS = 5;

    /** Reads an answer to its end. */
    @FunctionalInterface
    public interface Reader<T> {

        /** @throws IOException when it is not whole, or not what was asked for */
        T read(InputStream body) throws IOException;
    }

    /**
     * What the first says who has it.
     *
     * @return empty when none has, as far as those know that could be asked: one that is older may not even know what is asked for
     * @throws IOException when one could not be asked, and none of the others has it
     */
    public <T> Optional<T> get(String pathAndQuery, Reader<T> reader) throws IOException {
        Optional<IOException> fault = Optional.empty();
        for (URI relay : relays.urls()) {
            try {
                Optional<T> answer = ask(relay, pathAndQuery, reader);
                if (answer.isPresent()) {
                    return answer;
                }
            } catch (UnknownHostException e) {
                fault = Optional.of(new IOException("%s: unknown host".formatted(relay), e));
            } catch (IOException e) {
                fault = Optional.of(new IOException("%s: %s".formatted(relay, e.getMessage()), e));
            }
        }
        if (fault.isPresent()) {
            throw fault.get();
        }
        return Optional.empty();
    }

    /** One that is busy, and says for how long, is asked again, for as long as a relay may be silent. */
    private <T> Optional<T> ask(URI relay, String pathAndQuery, Reader<T> reader) throws IOException {
        long begun = System.nanoTime();
        while (true) {
            try {
                return askOnce(relay, pathAndQuery, reader);
            } catch (BusyException e) {
                if (System.nanoTime() - begun > relays.timeout().toNanos()) {
                    throw e;
                }
                pause(e.wait);
            }
        }
    }

    private static void pause(Duration wait) throws IOException {
        try {
            TimeUnit.NANOSECONDS.sleep(wait.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for a relay that is busy");
        }
    }

    /** It will answer a moment later. */
    private static final class BusyException extends IOException {

        private static final long serialVersionUID = 1;

        private final transient Duration wait;

        BusyException(String message, int seconds) {
            super(message);
            this.wait = Duration.ofSeconds(Math.clamp(seconds, 1, LONGEST_PAUSE_SECONDS));
        }
    }

    private static IOException refused(HttpURLConnection connection) throws IOException {
        int seconds = connection.getHeaderFieldInt("Retry-After", 0);
        String said = Relays.refusal(connection);
        return connection.getResponseCode() == HttpURLConnection.HTTP_UNAVAILABLE && seconds > 0 ? new BusyException(said, seconds) : new IOException(said);
    }

    private <T> Optional<T> askOnce(URI relay, String pathAndQuery, Reader<T> reader) throws IOException {
        HttpURLConnection connection = relays.open(relay, pathAndQuery, Duration.ZERO);
        try {
            return switch (connection.getResponseCode()) {
                case HttpURLConnection.HTTP_OK -> {
                    // Closed at its end, the connection serves the next question.
                    try (InputStream body = connection.getInputStream()) {
                        yield Optional.of(reader.read(body));
                    }
                }
                case HttpURLConnection.HTTP_BAD_REQUEST, HttpURLConnection.HTTP_NOT_FOUND, HttpURLConnection.HTTP_CONFLICT -> Optional.empty();
                default -> throw refused(connection);
            };
        } catch (IOException | RuntimeException e) {
            connection.disconnect();
            throw e;
        }
    }
}
