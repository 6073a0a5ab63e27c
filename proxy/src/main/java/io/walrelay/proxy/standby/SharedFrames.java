package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import org.jspecify.annotations.Nullable;

/**
 * The messages of one pass over the sessions. Nearly all of them are at the same position, so the first to need a message
 * makes it and the others send the same bytes. Confined to its event loop; empty between two passes.
 */
final class SharedFrames {

    /** What a session asks for: WAL of {@code lineage} from {@code from}, when it may go up to {@code limit}. */
    record Key(TimelineHistory lineage, Lsn from, Lsn limit) {}

    private static final class Frame {
        private final Key key;
        private final ByteBuf header;
        private final ByteBuf wal;

        Frame(Key key, ByteBuf header, ByteBuf wal) {
            this.key = key;
            this.header = header;
            this.wal = wal;
        }
    }

    /** A burst makes a few messages of a pass; those who are elsewhere make their own. */
    private static final int KEPT = 8;

    private final @Nullable Frame[] frames = new Frame[KEPT];
    private int next;
    private boolean open;

    void begin() {
        open = true;
    }

    /** Keeps a message for the rest of the pass. Takes references of its own. */
    void keep(Key key, ByteBuf header, ByteBuf wal) {
        if (!open) {
            return;
        }
        release(next);
        frames[next] = new Frame(key, header.retainedDuplicate(), wal.retainedDuplicate());
        next = (next + 1) % KEPT;
    }

    /** Where the message for {@code key} is, or -1. */
    int find(Key key) {
        for (int i = 0; i < KEPT; i++) {
            Frame frame = frames[i];
            if (frame != null && frame.key.equals(key)) {
                return i;
            }
        }
        return -1;
    }

    /** The caller owns it. */
    ByteBuf header(int found) {
        return frame(found).header.retainedDuplicate();
    }

    /** The caller owns it. */
    ByteBuf wal(int found) {
        return frame(found).wal.retainedDuplicate();
    }

    private Frame frame(int found) {
        Frame frame = frames[found];
        if (frame == null) {
            throw new IllegalArgumentException("no message at " + found);
        }
        return frame;
    }

    void end() {
        open = false;
        for (int i = 0; i < KEPT; i++) {
            release(i);
        }
    }

    private void release(int i) {
        Frame frame = frames[i];
        if (frame != null) {
            frame.header.release();
            frame.wal.release();
            frames[i] = null;
        }
    }
}
