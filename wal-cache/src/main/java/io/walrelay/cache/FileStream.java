package io.walrelay.cache;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** The first bytes of a file that is read by positions. Confined to one thread. */
final class FileStream extends InputStream {

    /** Fills a buffer from an offset; returns the number of bytes, 0 at the end. */
    @FunctionalInterface
    interface Reader {
        int read(ByteBuffer into, long offset) throws IOException;
    }

    private final Reader reader;
    private final int length;
    private final Closeable whenClosed;
    private int at;
    private boolean closed;

    /** @param whenClosed lets go of the file; called once */
    FileStream(Reader reader, int length, Closeable whenClosed) {
        this.reader = reader;
        this.length = length;
        this.whenClosed = whenClosed;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int offset, int wanted) throws IOException {
        int room = Math.min(wanted, length - at);
        int n = room == 0 ? 0 : reader.read(ByteBuffer.wrap(into, offset, room).slice(), at);
        at += n;
        return n == 0 && wanted > 0 ? -1 : n;
    }

    @Override
    public void close() throws IOException {
        if (!closed) {
            closed = true;
            whenClosed.close();
        }
    }
}
