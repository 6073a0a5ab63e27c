package io.walrelay.rewind.journal;

import java.util.Random;
import java.util.zip.CRC32C;

/** What files of the tests hold. */
final class Contents {

    private Contents() {}

    static byte[] random(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    static String describe(byte[] content) {
        CRC32C crc = new CRC32C();
        crc.update(content);
        return "%d bytes, CRC %08X".formatted(content.length, crc.getValue());
    }
}
