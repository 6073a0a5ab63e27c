package io.walrelay.cache;

import io.netty.buffer.ByteBuf;
import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/** What the files hold of a history, to be compared with what comes again. */
record HeldBytes(SegmentFiles files, TimelineHistory lineage) {

    private static final int PIECE = 128 << 10;

    /**
     * Where the first byte differs; empty when all are equal that are held. What was freed meanwhile there is nothing to compare with.
     *
     * @param offered begins at {@code start}, and what is held of it is in the files; read to its end, or to the difference
     */
    Optional<Lsn> firstDifference(Lsn start, ByteBuf offered) throws IOException {
        ByteBuffer held = ByteBuffer.allocate(Math.min(offered.readableBytes(), PIECE));
        Lsn at = start;
        while (offered.isReadable()) {
            int room = (int) files.size().endOf(at).minus(at);
            held.clear().limit(Math.min(held.capacity(), Math.min(room, offered.readableBytes())));
            Optional<SegmentId> id = files.locate(lineage, at);
            if (id.isEmpty()) {
                offered.skipBytes(held.limit());
            } else {
                read(id.get(), at, held);
                for (int i = 0; held.hasRemaining(); i++) {
                    if (held.get() != offered.readByte()) {
                        return Optional.of(at.plus(i));
                    }
                }
            }
            at = at.plus(held.limit());
        }
        return Optional.empty();
    }

    private void read(SegmentId id, Lsn at, ByteBuffer into) throws IOException {
        SegmentFile file = files.acquire(id);
        try {
            if (file.read(into, files.size().offset(at)) != into.limit()) {
                throw new IOException("segment %s ends before %s".formatted(id, at.plus(into.limit())));
            }
        } finally {
            file.release();
        }
        into.flip();
    }
}
