package io.walrelay.protocol.codec;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Writes out expected bytes: {@code 'text'} is its ASCII, everything else hexadecimal, spaces are for the eye. */
public final class Bytes {

    private static final Pattern PART = Pattern.compile("'([^']*)'|([0-9A-Fa-f]+)|\\s+");

    private Bytes() {}

    /** A pooled buffer, so that a reference too many or too few shows. */
    public static ByteBuf of(String spelled) {
        ByteBuf bytes = PooledByteBufAllocator.DEFAULT.directBuffer();
        Matcher part = PART.matcher(spelled);
        int at = 0;
        while (part.find() && part.start() == at) {
            at = part.end();
            if (part.group(1) != null) {
                ByteBufUtil.writeAscii(bytes, part.group(1));
            } else if (part.group(2) != null) {
                bytes.writeBytes(HexFormat.of().parseHex(part.group(2)));
            }
        }
        if (at != spelled.length()) {
            throw new IllegalArgumentException("neither text nor hexadecimal at %d of: %s".formatted(at, spelled));
        }
        return bytes;
    }

    /** The readable bytes as hexadecimal; releases the buffer. */
    public static String hex(ByteBuf bytes) {
        try {
            return ByteBufUtil.hexDump(bytes);
        } finally {
            bytes.release();
        }
    }

    public static String hex(String spelled) {
        return hex(of(spelled));
    }
}
