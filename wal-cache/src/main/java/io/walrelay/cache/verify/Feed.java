package io.walrelay.cache.verify;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * A file that is read in the background, a bounded part of it ahead of whoever takes its bytes, which can only be taken in order. Confined
 * to one thread but for the reading.
 */
final class Feed implements AutoCloseable {

    private static final int PIECE = 256 << 10;

    /** What the reading thread hands over: bytes, and at last what became of it. */
    private sealed interface Item {
        record Bytes(ByteBuffer bytes) implements Item {}

        record End(Outcome outcome) implements Item {}
    }

    private final BlockingQueue<Item> items;
    private final Thread reading;
    private ByteBuffer piece = ByteBuffer.allocate(0);
    private long pieceStart;
    private @Nullable Outcome outcome;

    /** @param ahead bytes that may wait to be taken */
    Feed(FileReading files, StoredFile file, int ahead) {
        this.items = new ArrayBlockingQueue<>(Math.max(2, ahead / PIECE));
        this.reading = Thread.ofVirtual().name("verify-read").start(() -> {
            // Whoever takes the bytes waits for an end, whatever happens here.
            Outcome ended = new Outcome.Unread("reading it failed");
            try (Pieces pieces = new Pieces(items)) {
                ended = files.read(file, pieces);
                pieces.flush();
            } catch (IOException e) {
                Thread.currentThread().interrupt(); // Closed: nobody waits any more.
            } finally {
                end(ended);
            }
        });
    }

    private void end(Outcome ended) {
        try {
            items.put(new Item.End(ended));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // As above.
        }
    }

    /** Whether the byte at {@code offset} has been passed over, so that only another feed has it. */
    boolean isPast(long offset) {
        return offset < pieceStart;
    }

    /**
     * Takes bytes from {@code offset} on, which must not be {@link #isPast}.
     *
     * @return how many; 0 when the file ends before
     */
    int read(long offset, ByteBuffer into) throws InterruptedException {
        while (offset >= pieceStart + piece.limit()) {
            if (!advance()) {
                return 0;
            }
        }
        int from = (int) (offset - pieceStart);
        int count = Math.min(into.remaining(), piece.limit() - from);
        into.put(piece.slice(from, count));
        return count;
    }

    private boolean advance() throws InterruptedException {
        if (outcome != null) {
            return false;
        }
        return switch (items.take()) {
            case Item.Bytes(var bytes) -> {
                pieceStart += piece.limit();
                piece = bytes;
                yield true;
            }
            case Item.End(var ended) -> {
                outcome = ended;
                yield false;
            }
        };
    }

    /** Passes over what is left. */
    Outcome finish() throws InterruptedException {
        Outcome ended = outcome;
        while (ended == null) {
            advance();
            ended = outcome;
        }
        return ended;
    }

    @Override
    public void close() {
        reading.interrupt();
    }

    /** Cuts what is written into pieces. */
    private static final class Pieces extends OutputStream {
        private final BlockingQueue<Item> items;
        private ByteBuffer piece = ByteBuffer.allocate(PIECE);

        Pieces(BlockingQueue<Item> items) {
            this.items = items;
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int count) throws IOException {
            int done = 0;
            while (done < count) {
                int part = Math.min(count - done, piece.remaining());
                piece.put(bytes, offset + done, part);
                done += part;
                if (!piece.hasRemaining()) {
                    flush();
                }
            }
        }

        @Override
        public void flush() throws IOException {
            if (piece.position() == 0) {
                return;
            }
            try {
                items.put(new Item.Bytes(piece.flip()));
            } catch (InterruptedException e) {
                throw (IOException) new InterruptedIOException("nobody takes it any more").initCause(e);
            }
            piece = ByteBuffer.allocate(PIECE);
        }
    }
}
