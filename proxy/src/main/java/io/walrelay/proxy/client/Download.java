package io.walrelay.proxy.client;

import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Puts the body of an answer where PostgreSQL wants it, whole or not at all: under a temporary name beside it first.
 *
 * <p>Nothing is synced to disk: PostgreSQL reads the file as pg_wal/RECOVERYXLOG, and syncs what it keeps when it gives it its name
 * (PostgreSQL: xlogarchive.c, KeepFileRestoredFromArchive; durable_rename). After a crash before that it asks again.
 */
final class Download implements AutoCloseable {

    private static final long MOST_BYTES = 1L << 30;
    private static final long LEAST_BYTES_PER_SECOND = 1_000;
    private static final int BUFFER_BYTES = 128 << 10;

    /** A strong tag of eight digits is the CRC32C of the file. */
    private static final Pattern CRC_TAG = Pattern.compile("\"([0-9a-f]{8})\"");

    private final String name;
    private final Path path;
    private final Path temporary;
    private final Thread atExit;

    /** From now on the temporary file goes with this process, also when it is told to end. */
    Download(String name, Path path) {
        this.name = name;
        this.path = path;
        this.temporary = path.resolveSibling(path.toFile().getName() + ".walrelay-" + ProcessHandle.current().pid());
        this.atExit = Thread.ofPlatform().unstarted(() -> temporary.toFile().delete());
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /** @throws IOException if what came is not the file, or could not be written; {@code path} is as it was then */
    void take(HttpURLConnection answer, Duration patience) throws IOException {
        long length = answer.getContentLengthLong();
        requirePlausible(length);
        CRC32C sum = new CRC32C();
        long came = copy(answer, sum, patience);
        if (came != length) {
            throw new IOException("%d bytes came of %d".formatted(came, length));
        }
        Optional<Integer> expected = tag(answer.getHeaderField("ETag"));
        if (expected.isPresent() && expected.get() != (int) sum.getValue()) {
            throw new IOException("what came has CRC32C %08x; expected %08x".formatted((int) sum.getValue(), expected.get()));
        }
        Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
    }

    private void requirePlausible(long length) throws IOException {
        if (length < 0) {
            throw new IOException("it does not say the length");
        }
        Matcher form = WalFileName.GRAMMAR.matcher(name);
        boolean segment = form.matches() && form.group("log") != null && form.group("partial") == null && form.group("offset") == null;
        if (length < 1 || length > MOST_BYTES) {
            throw new IOException("%d bytes can't be %s".formatted(length, name));
        }
        if (segment) {
            try {
                SegmentSize _ = new SegmentSize((int) length);
            } catch (IllegalArgumentException e) {
                throw new IOException(e.getMessage(), e);
            }
        }
    }

    private long copy(HttpURLConnection answer, CRC32C sum, Duration patience) throws IOException {
        byte[] buffer = new byte[BUFFER_BYTES];
        long least = LEAST_BYTES_PER_SECOND * Math.max(1, patience.toSeconds());
        long came = 0;
        long windowBytes = 0;
        long windowBegin = System.nanoTime();
        try (InputStream in = answer.getInputStream();
                OutputStream out = Files.newOutputStream(temporary)) {
            int n = in.read(buffer);
            while (n >= 0) {
                out.write(buffer, 0, n);
                sum.update(buffer, 0, n);
                came += n;
                windowBytes += n;
                if (windowBytes >= least) {
                    windowBytes = 0;
                    windowBegin = System.nanoTime();
                } else if (System.nanoTime() - windowBegin > patience.toNanos()) {
                    throw new SocketTimeoutException("less than %d bytes came in %d ms".formatted(least, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - windowBegin)));
                }
                n = in.read(buffer);
            }
        }
        return came;
    }

    private static Optional<Integer> tag(@Nullable String header) {
        Matcher tag = CRC_TAG.matcher(header == null ? "" : header);
        return tag.matches() ? Optional.of(HexFormat.fromHexDigits(tag.group(1))) : Optional.empty();
    }

    @Override
    public void close() throws IOException {
        Files.deleteIfExists(temporary);
        try {
            Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException exiting) {
            return; // It deletes what is deleted.
        }
    }
}
