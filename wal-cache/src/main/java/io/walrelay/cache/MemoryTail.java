package io.walrelay.cache;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.wal.Lsn;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The newest WAL in memory, as long as it fits. One thread appends, any thread takes slices; a slice stays valid for as long
 * as its taker holds it, also when the tail has moved on.
 *
 * <pre>
 *   chunks, each aligned to its size in LSN:   [   from …][……………………][……………………][…… end    ]
 *                                               dropped first                     appended to
 * </pre>
 *
 * <p>A slice never crosses a chunk: chunk boundaries are page boundaries, where a message may end. Chunks are small so that a
 * standby that does not read pins little.
 */
final class MemoryTail {

    static final int CHUNK = 256 << 10;

    private static final class Chunk {
        private final long start;
        private final ByteBuf bytes = Unpooled.directBuffer(CHUNK, CHUNK);

        Chunk(long start) {
            this.start = start;
        }
    }

    private final int maxChunks;
    private final Deque<Chunk> chunks = new ArrayDeque<>();
    private long from;
    private long end;

    /** @param limit bytes to hold at most, rounded to chunks; at least four chunks are kept */
    MemoryTail(long limit) {
        this.maxChunks = Math.clamp(limit / CHUNK, 4, 1 << 20);
    }

    /** Drops everything; the next byte to be appended is the one at {@code at}. */
    synchronized void reset(Lsn at) {
        chunks.forEach(c -> c.bytes.release());
        chunks.clear();
        from = at.value();
        end = at.value();
    }

    /**
     * Copies bytes out of {@code source} as far as the present chunk goes and returns their number. They may be sliced at
     * once; it is the published end of WAL that keeps readers from asking too early.
     */
    synchronized int append(ByteBuf source, int atMost) {
        long offset = Long.remainderUnsigned(end, CHUNK);
        if (chunks.isEmpty() || offset == 0) {
            chunks.addLast(new Chunk(end - offset));
            if (chunks.size() > maxChunks) {
                chunks.removeFirst().bytes.release();
                from = chunks.getFirst().start;
            }
        }
        int n = (int) Math.min(atMost, CHUNK - offset);
        chunks.getLast().bytes.setBytes((int) offset, source, source.readerIndex(), n);
        source.skipBytes(n);
        end += n;
        return n;
    }

    /** A retained slice of at most {@code atMost} bytes from {@code at} on, or null when the byte there is not in memory. */
    synchronized @Nullable ByteBuf slice(Lsn at, int atMost) {
        long position = at.value();
        if (Long.compareUnsigned(position, from) < 0 || Long.compareUnsigned(position, end) >= 0) {
            return null;
        }
        // From the newest back: nearly all who ask are near the tip.
        var newestFirst = chunks.descendingIterator();
        while (newestFirst.hasNext()) {
            Chunk chunk = newestFirst.next();
            if (Long.compareUnsigned(position, chunk.start) >= 0) {
                int offset = (int) (position - chunk.start);
                long held = Math.min(CHUNK - offset, end - position);
                return chunk.bytes.slice(offset, (int) Math.min(atMost, held)).retain();
            }
        }
        return null;
    }

    synchronized Lsn from() {
        return new Lsn(from);
    }

    synchronized long heldBytes() {
        return end - from;
    }
}
