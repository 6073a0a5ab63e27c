package io.walrelay.cache;

import io.walrelay.cache.storage.SegmentFile;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A file that was found by its name, open. Whoever got it closes it.
 *
 * @param end where its WAL ends, when it is a part of a segment and that is known
 * @param checksum known only of what will not change any more: of a segment that is being written it would be another each time
 */
public record WalFile(Tier tier, Content content, Optional<Lsn> end, Optional<Integer> checksum) implements AutoCloseable {

    /** Where it was found. */
    public enum Tier {
        DISK,
        ARCHIVE
    }

    public sealed interface Content {

        long length();

        /** The first {@code bytes} of a segment's file, and {@code zeros} after them. */
        record OfSegment(SegmentFile file, int bytes, int zeros) implements Content {
            @Override
            public long length() {
                return (long) bytes + zeros;
            }
        }

        /** @param bytes not to be changed, nor its position */
        record Text(ByteBuffer bytes) implements Content {
            @Override
            public long length() {
                return bytes.remaining();
            }
        }
    }

    private static final int BUFFER = 1 << 16;

    /** CRC-32C of all bytes. Reads the whole file. */
    static int checksumOf(Content content) throws IOException {
        CRC32C crc = new CRC32C();
        switch (content) {
            case Content.Text(var bytes) -> crc.update(bytes.duplicate());
            case Content.OfSegment(var file, var bytes, var zeros) -> {
                ByteBuffer buffer = ByteBuffer.allocate(Math.min(BUFFER, bytes));
                for (int at = 0; at < bytes; at += buffer.limit()) {
                    buffer.clear().limit(Math.min(buffer.capacity(), bytes - at));
                    if (file.read(buffer, at) != buffer.limit()) {
                        throw new IOException("segment %s ends before offset %d".formatted(file.id(), bytes));
                    }
                    crc.update(buffer.flip());
                }
                ByteBuffer none = ByteBuffer.allocate(Math.min(BUFFER, zeros));
                for (int left = zeros; left > 0; left -= none.limit()) {
                    crc.update(none.clear().limit(Math.min(none.capacity(), left)));
                }
            }
        }
        return (int) crc.getValue();
    }

    @Override
    public void close() {
        switch (content) {
            case Content.OfSegment(var file, _, _) -> file.release();
            case Content.Text _ -> {}
        }
    }
}
