package io.walrelay.cache;

import io.netty.buffer.ByteBuf;
import io.walrelay.cache.storage.SegmentFile;

/** A run of WAL bytes, where they lie. Holds a reference; whoever has sent or dropped it releases it. */
public sealed interface WalSlice {

    int length();

    void release();

    /** Bytes in memory that many sessions share: a slice of the tail, never a copy. */
    record InMemory(ByteBuf bytes) implements WalSlice {
        @Override
        public int length() {
            return bytes.readableBytes();
        }

        @Override
        public void release() {
            bytes.release();
        }
    }

    /** Bytes of a segment file, to be sent by sendfile or read. */
    record InFile(SegmentFile file, int offset, int length) implements WalSlice {
        @Override
        public void release() {
            file.release();
        }
    }
}
