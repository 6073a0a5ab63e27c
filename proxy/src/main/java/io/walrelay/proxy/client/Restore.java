package io.walrelay.proxy.client;

import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The restore_command client: asks the relays in turn for a file, in a bounded number of rounds.
 *
 * @param longPoll how long a relay may wait for a segment that is not there yet
 * @param retries  rounds after the first while nobody could look
 * @param timeline the lineage that is asked for
 * @param standby  who asks
 */
public record Restore(Relays relays, RestoreMode mode, Duration longPoll, int retries, Optional<String> timeline, Optional<String> standby) {

    private static final Duration PAUSE = Duration.ofSeconds(2);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);

    /**
     * How it ended.
     *
     * @param exitStatus as PostgreSQL has to get it
     * @param problem    for a person, where there is one
     */
    public record Result(int exitStatus, Optional<String> problem) {}

    /** Fetches the file {@code name} to {@code path}, which is whole afterwards or untouched. */
    public Result run(String name, Path path) throws InterruptedException {
        if (!WalFileName.GRAMMAR.matcher(name).matches()) {
            return new Result(mode.couldNotLook(), Optional.of("not a WAL file name: \"%s\"; expected %%f %%p".formatted(name)));
        }
        Outcome outcome = round(name, path);
        for (int n = 0; n < retries && outcome instanceof Outcome.Unknown unknown; n++) {
            TimeUnit.NANOSECONDS.sleep(unknown.retryAfter().orElse(PAUSE).toNanos());
            outcome = round(name, path);
        }
        return switch (outcome) {
            case Outcome.Found() -> new Result(0, Optional.empty());
            case Outcome.Absent() -> new Result(1, Optional.empty());
            // A recovery that went on would end here, before what it was asked for.
            case Outcome.Elsewhere(String reason) -> new Result(mode.couldNotLook(), Optional.of("%s is not of the lineage: %s".formatted(name, reason)));
            case Outcome.Unknown(String reason, Optional<Duration> _) ->
                new Result(mode.couldNotLook(), Optional.of("could not look for %s: %s".formatted(name, reason)));
        };
    }

    private Outcome round(String name, Path path) {
        return Outcome.ofFirst(relays.urls(), relay -> ask(relay, name, path));
    }

    private Outcome ask(URI relay, String name, Path path) {
        StringBuilder query = new StringBuilder("/wal/%s?mode=%s&wait=%dms".formatted(name, mode, longPoll.toMillis()));
        timeline.ifPresent(t -> query.append("&timeline=").append(URLEncoder.encode(t, StandardCharsets.UTF_8)));
        standby.ifPresent(s -> query.append("&standby=").append(URLEncoder.encode(s, StandardCharsets.UTF_8)));
        HttpURLConnection connection = null;
        try (Download download = new Download(name, path)) {
            connection = relays.open(relay, query.toString(), longPoll);
            return switch (connection.getResponseCode()) {
                case 200 -> {
                    download.take(connection, relays.timeout().plus(longPoll));
                    yield new Outcome.Found();
                }
                case 404 -> absent(connection, name);
                case 409 -> new Outcome.Elsewhere(Relays.refusal(connection));
                default -> new Outcome.Unknown(Relays.refusal(connection), retryAfter(connection));
            };
        } catch (UnknownHostException e) {
            return new Outcome.Unknown("unknown host", Optional.empty());
        } catch (IOException e) {
            return new Outcome.Unknown(e.getMessage() == null ? e.toString() : e.getMessage(), Optional.empty());
        } finally {
            if (connection != null) {
                connection.disconnect();
            }
        }
    }

    /** Any server answers 404 to what it does not know. A relay that has looked names the file. */
    static Outcome absent(HttpURLConnection connection, String name) throws IOException {
        return name.equals(connection.getHeaderField("X-Walrelay-Absent"))
                ? new Outcome.Absent()
                : new Outcome.Unknown(Relays.refusal(connection) + "; this is no answer of a relay: is it the URL of its HTTP port?", Optional.empty());
    }

    static Optional<Duration> retryAfter(HttpURLConnection connection) {
        long seconds = connection.getHeaderFieldLong("Retry-After", -1);
        return seconds < 0 ? Optional.empty() : Optional.of(Duration.ofSeconds(Math.min(seconds, LONGEST_PAUSE.toSeconds())));
    }
}
