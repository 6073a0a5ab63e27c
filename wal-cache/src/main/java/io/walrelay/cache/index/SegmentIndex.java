package io.walrelay.cache.index;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The index of a whole segment, as bytes:
 *
 * <pre>
 *   crc32c     int4   of the segment's bytes
 *   length     int4   of a part …
 *   part              as {@link ChangesFormat} has it …
 * </pre>
 *
 * <p>The checksum is there for who has a segment of that name too, and wants to know whether it is this one.
 *
 * @param parts in the order of the log
 */
public record SegmentIndex(int crc32c, List<byte[]> parts) {

    public SegmentIndex {
        parts = List.copyOf(parts);
    }

    public byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(Integer.BYTES + parts.stream().mapToInt(part -> Integer.BYTES + part.length).sum());
        out.putInt(crc32c);
        parts.forEach(part -> out.putInt(part.length).put(part));
        return out.array();
    }

    /** @throws IOException when it is not what {@link #encode} makes */
    public static SegmentIndex parse(byte[] encoded) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(encoded);
        if (in.remaining() < Integer.BYTES) {
            throw malformed(in);
        }
        int crc32c = in.getInt();
        List<byte[]> parts = new ArrayList<>();
        while (in.hasRemaining()) {
            int length = in.remaining() < Integer.BYTES ? -1 : in.getInt();
            if (length < 0 || length > in.remaining()) {
                throw malformed(in);
            }
            byte[] part = new byte[length];
            in.get(part);
            parts.add(part);
        }
        return new SegmentIndex(crc32c, parts);
    }

    private static IOException malformed(ByteBuffer in) {
        return new IOException("the index of a segment is not in its form: at byte %d of %d".formatted(in.position(), in.capacity()));
    }
}
