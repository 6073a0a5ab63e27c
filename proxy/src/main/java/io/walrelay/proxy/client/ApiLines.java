package io.walrelay.proxy.client;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Optional;

/** Asks relays in turn for something that may be long, which is read while it comes. */
public record ApiLines(Relays relays) {

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

    private <T> Optional<T> ask(URI relay, String pathAndQuery, Reader<T> reader) throws IOException {
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
                default -> throw new IOException(Relays.refusal(connection));
            };
        } catch (IOException | RuntimeException e) {
            connection.disconnect();
            throw e;
        }
    }
}
