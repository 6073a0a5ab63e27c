package io.walrelay.proxy.client;

import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpRetryException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The archive_command client: hands a file to the first relay that takes it. PostgreSQL repeats a push that failed, and may repeat
 * one that did not.
 */
public record Push(Relays relays) {

    /** What one relay answered. */
    private sealed interface Answer {
        record Archived() implements Answer {}

        /** Another relay may take it. */
        record NotNow(String reason) implements Answer {}

        /** No relay may: the file is wrong, or another one has its name. */
        record Never(String reason) implements Answer {}
    }

    /** Archives {@code path} as {@code name}; empty when a relay has said that it is archived, else why not. */
    public Optional<String> run(Path path, String name) {
        if (!WalFileName.GRAMMAR.matcher(name).matches()) {
            return Optional.of("not a WAL file name: \"%s\"; expected %%p %%f".formatted(name));
        }
        if (!Files.isRegularFile(path)) {
            return Optional.of("could not archive %s: there is no file %s; expected %%p, as PostgreSQL gives it, in its data directory".formatted(name, path));
        }
        List<String> reasons = new ArrayList<>();
        for (URI relay : relays.urls()) {
            switch (put(relay, path, name)) {
                case Answer.Archived() -> {
                    return Optional.empty();
                }
                case Answer.NotNow(String reason) -> reasons.add(relay + ": " + reason);
                case Answer.Never(String reason) -> {
                    return Optional.of("%s CAN'T BE ARCHIVED: %s: %s".formatted(name, relay, reason));
                }
            }
        }
        return Optional.of("could not archive %s: %s".formatted(name, String.join("; ", reasons)));
    }

    private Answer put(URI relay, Path path, String name) {
        HttpURLConnection connection = null;
        try {
            long length = Files.size(path);
            connection = relays.open(relay, "/wal/" + name, Duration.ZERO);
            connection.setRequestMethod("PUT");
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/octet-stream");
            connection.setFixedLengthStreamingMode(length);
            try (OutputStream out = connection.getOutputStream()) {
                Files.copy(path, out);
            }
            int status = connection.getResponseCode();
            return switch (status) {
                case 200, 201 -> new Answer.Archived();
                case 409 -> new Answer.Never("other bytes are archived under this name (%s)".formatted(Relays.refusal(connection)));
                case 400, 413, 422 -> new Answer.Never(Relays.refusal(connection));
                default -> new Answer.NotNow(Relays.refusal(connection));
            };
        } catch (HttpRetryException e) {
            // What a stream can't do again: a log-in.
            return new Answer.NotNow("HTTP %d; a token is given with --token-file or WALRELAY_TOKEN".formatted(e.responseCode()));
        } catch (UnknownHostException e) {
            return new Answer.NotNow("unknown host");
        } catch (IOException e) {
            return new Answer.NotNow(e.getMessage() == null ? e.toString() : e.getMessage());
        } finally {
            if (connection != null) {
                connection.disconnect();
            }
        }
    }
}
