package io.walrelay.rewind.source;

import io.walrelay.rewind.source.RewindSource.Fetch;
import io.walrelay.rewind.source.RewindSource.Sink;
import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fetches ranges of files over several sessions at once: each takes the next batch, asks for all of it in one query, and hands the answer to
 * the caller's thread, which is the only one that calls the sink. Little is in memory at a time: a batch for each session, and a few that came
 * while the caller was busy with what has to be done before. Sessions stay open for the next fetch, as long as none failed.
 */
final class ParallelFetch implements Closeable {

    private static final Logger log = LoggerFactory.getLogger(ParallelFetch.class);

    /** Of one range; a whole file that is shorter is asked for this much, so that all of one that has grown comes (pg_rewind: MAX_CHUNK_SIZE). */
    static final int CHUNK = 1 << 20;

    /** Of a query's answer, at least one range's. */
    private static final int BATCH = 4 << 20;

    private static final int RANGES = 1000;

    /** Answers that wait for the caller. */
    private static final int AHEAD = 8;

    /** A connection that is being opened is given this time, and no more. */
    private static final Duration END = Duration.ofSeconds(10);

    private static final String QUERY = "SELECT pg_read_binary_file(path, begin, length, true)"
            + " FROM unnest(?::text[], ?::int8[], ?::int8[]) WITH ORDINALITY AS wanted(path, begin, length, number) ORDER BY number";

    /** A range that one row answers. */
    record Range(String path, long offset, int length) {}

    /** What a session has to say. */
    private sealed interface Word {
        record Answer(List<Range> ranges, List<byte @Nullable []> chunks) implements Word {}

        record Failed(Throwable why) implements Word {}

        /** It has no more to do. */
        record Done() implements Word {}
    }

    private final SourceSession.Opener opener;
    private final int jobs;
    private final Deque<SourceSession> idle = new ArrayDeque<>();

    ParallelFetch(SourceSession.Opener opener, int jobs) {
        this.opener = opener;
        this.jobs = jobs;
    }

    void fetch(List<Fetch> wanted, Sink sink) throws IOException {
        List<List<Range>> batches = batches(wanted);
        Iterator<List<Range>> next = batches.iterator();
        BlockingQueue<Word> words = new ArrayBlockingQueue<>(AHEAD);
        List<SourceSession> sessions = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        boolean whole = false;
        try {
            for (int i = 0; i < Math.min(jobs, batches.size()); i++) {
                SourceSession session = idle.isEmpty() ? new SourceSession(opener) : idle.pop();
                sessions.add(session);
                threads.add(Thread.ofPlatform().daemon().name("fetch-" + i).start(() -> work(session, next, words)));
            }
            sink.prepare();
            int working = threads.size();
            while (working > 0) {
                switch (words.take()) {
                    case Word.Answer(var ranges, var chunks) -> hand(ranges, chunks, sink);
                    case Word.Failed(var why) -> throw new IOException(why instanceof IOException ? why.getMessage() : why.toString(), why);
                    case Word.Done() -> working--;
                }
            }
            whole = true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while fetching from the source");
        } finally {
            if (whole) {
                awaitEnd(threads);
                sessions.forEach(idle::push);
            } else {
                sessions.forEach(SourceSession::end);
                threads.forEach(Thread::interrupt);
                awaitEnd(threads);
            }
        }
    }

    @Override
    public void close() {
        idle.forEach(SourceSession::close);
        idle.clear();
    }

    /** Nothing is asked of the source any more when the caller goes on. */
    private static void awaitEnd(List<Thread> threads) {
        boolean interrupted = Thread.interrupted();
        for (Thread thread : threads) {
            try {
                if (!thread.join(END)) {
                    log.warn("{} does not end", thread.getName());
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ranges of one file that meet become one; none is longer than a chunk. */
    static List<List<Range>> batches(List<Fetch> wanted) {
        List<List<Range>> batches = new ArrayList<>();
        List<Range> batch = new ArrayList<>();
        long bytes = 0;
        for (Fetch fetch : wanted) {
            long length = fetch.whole() ? Math.max(fetch.length(), CHUNK) : fetch.length();
            for (long done = 0; done < length; ) {
                int part = (int) Math.min(CHUNK, length - done);
                if (!batch.isEmpty() && (bytes + part > BATCH || batch.size() == RANGES)) {
                    batches.add(batch);
                    batch = new ArrayList<>();
                    bytes = 0;
                }
                batch.add(new Range(fetch.path(), fetch.offset() + done, part));
                // Most whole files are small, and their answers with them.
                bytes += fetch.whole() ? Math.min(part, Math.max(fetch.length() - done, 0)) : part;
                done += part;
            }
        }
        if (!batch.isEmpty()) {
            batches.add(batch);
        }
        return batches;
    }

    private static void work(SourceSession session, Iterator<List<Range>> batches, BlockingQueue<Word> words) {
        try {
            words.put(lastWord(session, batches, words));
        } catch (InterruptedException e) {
            // The caller has gone; so do we.
            Thread.currentThread().interrupt();
        }
    }

    /** Answers, until there is no more to ask. Whatever is thrown is said, or the caller would wait for ever. */
    private static Word lastWord(SourceSession session, Iterator<List<Range>> batches, BlockingQueue<Word> words) throws InterruptedException {
        try {
            for (List<Range> batch = next(batches); batch != null; batch = next(batches)) {
                List<Range> asked = batch;
                words.put(new Word.Answer(asked, session.ask(connection -> ask(connection, asked))));
            }
            return new Word.Done();
        } catch (InterruptedException e) {
            session.close();
            throw e;
        } catch (Throwable e) {
            session.close();
            return new Word.Failed(e);
        }
    }

    private static @Nullable List<Range> next(Iterator<List<Range>> batches) {
        synchronized (batches) {
            return batches.hasNext() ? batches.next() : null;
        }
    }

    private static List<byte @Nullable []> ask(Connection connection, List<Range> ranges) throws SQLException {
        Array paths = connection.createArrayOf("text", ranges.stream().map(Range::path).toArray());
        Array offsets = connection.createArrayOf("int8", ranges.stream().map(Range::offset).toArray());
        Array lengths = connection.createArrayOf("int8", ranges.stream().map(range -> (long) range.length()).toArray());
        List<byte @Nullable []> chunks = new ArrayList<>(ranges.size());
        try (PreparedStatement statement = connection.prepareStatement(QUERY)) {
            statement.setArray(1, paths);
            statement.setArray(2, offsets);
            statement.setArray(3, lengths);
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    chunks.add(row.getBytes(1));
                }
            }
        }
        if (chunks.size() != ranges.size()) {
            throw new SQLException("unexpected number of data chunks received: %d; expected %d".formatted(chunks.size(), ranges.size()), "XX000");
        }
        return chunks;
    }

    private static void hand(List<Range> ranges, List<byte @Nullable []> chunks, Sink sink) throws IOException {
        for (int i = 0; i < ranges.size(); i++) {
            Range range = ranges.get(i);
            byte[] chunk = chunks.get(i);
            if (chunk == null) {
                sink.absent(range.path());
            } else if (chunk.length > range.length()) {
                throw new IOException("received more than requested for file \"%s\": %d bytes; expected up to %d".formatted(range.path(), chunk.length, range.length()));
            } else if (chunk.length > 0) {
                sink.bytes(range.path(), range.offset(), ByteBuffer.wrap(chunk));
            }
        }
    }
}
