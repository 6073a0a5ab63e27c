package io.walrelay.rewind.datadir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.OptionalInt;
import java.util.zip.CRC32C;

/** What all bytes of a segment's file add up to. Thread-safe. */
public final class SegmentChecksum {

    /** Fits into a core's cache, and so is read from memory once. */
    private static final int BUFFER = 1 << 18;

    private SegmentChecksum() {}

    /** CRC-32C; empty when the file has another length than {@code bytes}. */
    public static OptionalInt of(Path file, int bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() != bytes) {
                return OptionalInt.empty();
            }
            CRC32C crc = new CRC32C();
            ByteBuffer buffer = ByteBuffer.allocateDirect(Math.min(BUFFER, bytes));
            for (int at = 0; at < bytes; at += buffer.limit()) {
                buffer.clear();
                if (channel.read(buffer, at) != buffer.capacity()) {
                    return OptionalInt.empty();
                }
                crc.update(buffer.flip());
            }
            return OptionalInt.of((int) crc.getValue());
        }
    }
}
