package io.walrelay.proxy.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A segment on relays, of which as much is fetched as is read: a piece at a time, with what will be read next. The same bytes come from whichever relay
 * has them of the lineage that is asked for. Of the last segment of a timeline there is as much as the relay has: a target may need it to its end when
 * the server that wrote it is gone. Confined to one thread.
 */
public final class SegmentPieces {

    private static final Logger log = LoggerFactory.getLogger(SegmentPieces.class);

    private static final int PIECE = 1 << 20;
    private static final int PARTIAL_CONTENT = 206;
    private static final int RANGE_NOT_SATISFIABLE = 416;
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final Relays relays;
    private final String query;
    private final String name;
    private final int retries;

    /** What was fetched last, from {@link #begin} on. */
    private ByteBuffer piece = ByteBuffer.allocate(0);

    private long begin;

    /** @param lineage whose the segment is */
    public SegmentPieces(Relays relays, String name, Optional<String> lineage, int retries) {
        this.relays = relays;
        this.name = name;
        this.query = "?mode=rewind" + lineage.map(id -> "&timeline=" + URLEncoder.encode(id, StandardCharsets.UTF_8)).orElse("");
        this.retries = retries;
    }

    /**
     * Whether there is such a segment, of that lineage.
     *
     * @throws IOException if none of the relays could say
     */
    public boolean isThere() throws IOException {
        return fetch(0);
    }

    /**
     * Puts bytes from {@code at} on into {@code into}; returns how many, at least one, or -1 at the end.
     *
     * @throws IOException if they can't be had, although there is such a segment
     */
    public int read(ByteBuffer into, long at) throws IOException {
        if (at < begin || at >= begin + piece.limit()) {
            if (!fetch(at)) {
                throw new IOException("relay: %s is gone".formatted(name));
            }
        }
        int offset = (int) (at - begin);
        int count = Math.min(into.remaining(), piece.limit() - offset);
        if (count <= 0) {
            return -1;
        }
        into.put(piece.slice(offset, count));
        return count;
    }

    /** The whole one first: what was partial a moment ago may be no more. */
    private boolean fetch(long at) throws IOException {
        return fetch(name, at) || fetch(name + ".partial", at);
    }

    private boolean fetch(String file, long at) throws IOException {
        Outcome outcome = round(file, at);
        for (int n = 0; n < retries && outcome instanceof Outcome.Unknown unknown; n++) {
            pause(unknown.retryAfter().orElse(PAUSE));
            outcome = round(file, at);
        }
        return switch (outcome) {
            case Outcome.Found() -> true;
            case Outcome.Absent() -> false;
            case Outcome.Elsewhere(String reason) -> {
                log.debug("{} is not of the lineage: {}", name, reason);
                yield false;
            }
            case Outcome.Unknown(String reason, Optional<Duration> _) -> throw new IOException("relay: could not look for %s: %s".formatted(name, reason));
        };
    }

    private void pause(Duration time) throws InterruptedIOException {
        try {
            TimeUnit.NANOSECONDS.sleep(time.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while fetching %s from the relay".formatted(name));
        }
    }

    private Outcome round(String file, long at) {
        return Outcome.ofFirst(relays.urls(), relay -> ask(relay, file, at));
    }

    private Outcome ask(URI relay, String file, long at) {
        HttpURLConnection connection = null;
        try {
            connection = relays.open(relay, "/wal/" + file + query, Duration.ZERO);
            connection.setRequestProperty("Range", "bytes=%d-%d".formatted(at, at + PIECE - 1));
            return switch (connection.getResponseCode()) {
                case PARTIAL_CONTENT -> {
                    take(connection, at);
                    yield new Outcome.Found();
                }
                case RANGE_NOT_SATISFIABLE -> {
                    // Of a partial one there is no more.
                    piece = ByteBuffer.allocate(0);
                    begin = at;
                    yield new Outcome.Found();
                }
                case HttpURLConnection.HTTP_OK -> {
                    // All of it would have to be read before the connection could serve another question.
                    connection.disconnect();
                    yield new Outcome.Unknown("HTTP 200 with the whole file, and a Range of it was asked for; does a proxy in between know Range?", Optional.empty());
                }
                case HttpURLConnection.HTTP_NOT_FOUND -> Restore.absent(connection, file);
                case HttpURLConnection.HTTP_CONFLICT -> new Outcome.Elsewhere(Relays.refusal(connection));
                default -> new Outcome.Unknown(Relays.refusal(connection), Restore.retryAfter(connection));
            };
        } catch (UnknownHostException e) {
            return new Outcome.Unknown("unknown host", Optional.empty());
        } catch (IOException e) {
            if (connection != null) {
                connection.disconnect();
            }
            return new Outcome.Unknown(e.getMessage() == null ? e.toString() : e.getMessage(), Optional.empty());
        }
    }

    /** Read to its end, the connection serves the next piece, too. */
    private void take(HttpURLConnection connection, long at) throws IOException {
        int length = connection.getContentLength();
        if (length < 1 || length > PIECE) {
            throw new IOException("%d bytes are announced; expected up to %d".formatted(length, PIECE));
        }
        byte[] bytes;
        try (InputStream in = connection.getInputStream()) {
            bytes = in.readNBytes(length);
        }
        if (bytes.length != length) {
            throw new IOException("%d bytes came of %d".formatted(bytes.length, length));
        }
        piece = ByteBuffer.wrap(bytes);
        begin = at;
    }
}
