package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;
import java.util.Deque;

/** All of this process's memory outside the heap, but for less than a chunk of the tail needs. Closed, it gives it back. */
final class DirectMemory implements AutoCloseable {

    private static final int LARGE = 16 << 20;
    private static final int SMALL = 64 << 10;

    private final Deque<ByteBuf> held = new ArrayDeque<>();

    static DirectMemory takeAll() {
        DirectMemory memory = new DirectMemory();
        memory.take(LARGE);
        memory.take(SMALL);
        // What a socket needs to write from the heap.
        memory.held.removeLast().release();
        memory.held.removeLast().release();
        return memory;
    }

    private void take(int size) {
        try {
            while (true) {
                held.addLast(Unpooled.directBuffer(size, size));
            }
        } catch (OutOfMemoryError e) {
            // That was the last of them.
        }
    }

    @Override
    public void close() {
        held.forEach(ByteBuf::release);
        held.clear();
    }
}
