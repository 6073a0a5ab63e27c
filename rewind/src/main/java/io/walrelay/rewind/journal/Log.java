package io.walrelay.rewind.journal;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32C;

/**
 * The records of a journal, in frames of up to a megabyte that begin at multiples of 4096:
 *
 * <pre>
 *   magic    int8
 *   journal  int8   which journal this is: old bytes may look like a frame of another
 *   number   int8   of the frame, from 0
 *   durable  int8   how much of the log was synced before this frame was written
 *   length   int4   of the records
 *   crc      int4   CRC-32C of all before it and of the records
 *   records, then zeros to a multiple of 4096
 * </pre>
 *
 * <p>The first frame that is not whole ends the log: it was not synced, so nothing that it names was changed. Unless a frame
 * behind it says that it had been synced: then the log is damaged, and undoing by half of it would be worse than nothing.
 *
 * <p>Confined to one thread. A frame that is full is written by another, while the next one is filled: to read what is old and to write it down take
 * about as long.
 */
final class Log implements Closeable {

    private static final long MAGIC = 0x57414C52574E4431L;
    private static final int HEADER = 40;
    private static final int ALIGNMENT = 4096;
    private static final int FRAME = 1 << 20;

    /** Old bytes in one record, whole blocks: with a long path they fill a frame. */
    static final int LONGEST_RUN = FRAME - (1 << 16);

    private final Disk.File file;
    private final long journal;
    private ByteBuffer frame = emptyFrame();

    /** The other one: free, when {@link #writing} is over. */
    private ByteBuffer other = emptyFrame();

    private final ExecutorService writer = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("journal-log").factory());
    private Future<?> writing = CompletableFuture.completedFuture(null);

    /** Where the next frame goes. */
    private long end;

    private long frames;
    private long durable;

    /** @param file whose valid part has been read by {@link #read}, or that is empty */
    Log(Disk.File file, long journal) {
        this.file = file;
        this.journal = journal;
    }

    /** Aligned, for {@link Disk#openForBlocks}. */
    private static ByteBuffer emptyFrame() {
        return ByteBuffer.allocateDirect(FRAME + ALIGNMENT).alignedSlice(ALIGNMENT).slice(0, FRAME).position(HEADER);
    }

    /** Who takes records, one after the other. */
    @FunctionalInterface
    interface Reader {
        void take(LogRecord record) throws IOException;
    }

    /**
     * Reads all records that were written.
     *
     * @throws IOException the log is damaged, or can't be read
     */
    void read(Reader reader) throws IOException {
        awaitEndOfWriting();
        ByteBuffer buffer = ByteBuffer.allocateDirect(FRAME);
        long at = 0;
        long number = 0;
        for (Optional<ByteBuffer> records = frame(buffer, at, number); records.isPresent(); records = frame(buffer, at, number)) {
            at += aligned(HEADER + records.get().remaining());
            number++;
            while (records.get().hasRemaining()) {
                reader.take(LogRecord.decode(records.get()));
            }
        }
        requireTorn(buffer, at);
        end = at;
        frames = number;
    }

    /** Cuts off what {@link #read} found to be torn, and makes the rest durable, whoever wrote it. */
    void prepareForWriting() throws IOException {
        file.truncate(end);
        sync();
    }

    private Optional<ByteBuffer> frame(ByteBuffer buffer, long at, long number) throws IOException {
        return readFrame(buffer, at).filter(records -> buffer.getLong(16) == number);
    }

    /** The records of the frame at an offset; empty when there is none that is whole. */
    private Optional<ByteBuffer> readFrame(ByteBuffer buffer, long at) throws IOException {
        file.read(buffer.clear(), at);
        buffer.flip();
        if (buffer.limit() < HEADER || buffer.getLong(0) != MAGIC || buffer.getLong(8) != journal) {
            return Optional.empty();
        }
        int length = buffer.getInt(32);
        if (length < 0 || length > buffer.limit() - HEADER || buffer.getInt(36) != crc(buffer, length)) {
            return Optional.empty();
        }
        return Optional.of(buffer.slice(HEADER, length));
    }

    private void requireTorn(ByteBuffer buffer, long at) throws IOException {
        ByteBuffer start = ByteBuffer.allocate(8);
        long size = file.size();
        for (long later = at + ALIGNMENT; later < size; later += ALIGNMENT) {
            file.read(start.clear(), later);
            if (start.getLong(0) == MAGIC && readFrame(buffer, later).isPresent() && buffer.getLong(24) > at) {
                throw new IOException("the log is damaged at byte %d: what follows says that it had been synced".formatted(at));
            }
        }
    }

    /** @param record no {@link LogRecord.OldBytes}, for which there is {@link #appendOldBytes} */
    void append(LogRecord record) throws IOException {
        makeRoom(LogRecord.overhead(record));
        LogRecord.encode(record, frame);
    }

    /**
     * Appends bytes as they are in a file now.
     *
     * @param length at most {@link #LONGEST_RUN}
     */
    void appendOldBytes(Path path, Disk.File from, long offset, int length) throws IOException {
        makeRoom(LogRecord.overhead(new LogRecord.Absent(path)) + length);
        LogRecord.putOldBytes(frame, path, offset, length);
        int limit = frame.limit();
        frame.limit(frame.position() + length);
        int n = from.read(frame, offset);
        frame.limit(limit);
        if (n < length) {
            throw new IOException("%s has %d bytes; expected %d".formatted(path, offset + n, offset + length));
        }
    }

    private void makeRoom(int bytes) throws IOException {
        if (frame.remaining() < bytes) {
            writeBehind();
        }
    }

    /** Has the frame written, if there is anything in it, and begins another. What could not be written is said from then on, and nothing more is written. */
    private void writeBehind() throws IOException {
        awaitWritten();
        if (frame.position() == HEADER) {
            return;
        }
        Frame full = new Frame(frame, end, frames, durable);
        end += aligned(frame.position());
        frames++;
        frame = other.clear().position(HEADER);
        other = full.content;
        // The content is the other thread's from here on.
        writing = writer.submit(() -> {
            write(full);
            return null;
        });
    }

    /**
     * One that is full.
     *
     * @param durableBefore how much of the log was synced when it was
     */
    private record Frame(ByteBuffer content, long at, long number, long durableBefore) {}

    private void write(Frame full) throws IOException {
        ByteBuffer content = full.content;
        int length = content.position() - HEADER;
        content.putLong(0, MAGIC).putLong(8, journal).putLong(16, full.number).putLong(24, full.durableBefore).putInt(32, length);
        content.putInt(36, crc(content, length));
        while (content.position() % ALIGNMENT != 0) {
            content.put((byte) 0);
        }
        file.write(content.flip(), full.at);
    }

    private void awaitWritten() throws IOException {
        try {
            var _ = writing.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            }
            throw new IllegalStateException("the journal can't be written", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the journal is written");
        }
    }

    /** Whatever comes of it: a frame that could not be written is a torn one. */
    private void awaitEndOfWriting() throws IOException {
        try {
            awaitWritten();
        } catch (IOException | RuntimeException e) {
            if (!writing.isDone()) {
                throw e;
            }
        }
    }

    /** Makes all that was appended durable. */
    void sync() throws IOException {
        writeBehind();
        awaitWritten();
        if (durable < end) {
            file.sync();
            durable = end;
        }
    }

    private static int crc(ByteBuffer frame, int length) {
        CRC32C crc = new CRC32C();
        crc.update(frame.slice(0, HEADER - 4));
        crc.update(frame.slice(HEADER, length));
        return (int) crc.getValue();
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    @Override
    public void close() throws IOException {
        writer.close();
        file.close();
    }
}
