package io.walrelay.cache.archive;

import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Locale;
import net.jpountz.lz4.LZ4FrameInputStream;
import net.jpountz.lz4.LZ4FrameOutputStream;

/** How an object's bytes are made fewer; {@code archive.compression}. What is written is what zstd's and lz4's own programs read. */
public enum Compression {
    NONE,
    ZSTD,
    LZ4;

    /** The level of zstd: the fastest that is still called normal. Faster than a disk takes WAL. */
    private static final int ZSTD_LEVEL = 3;

    static Compression named(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }

    OutputStream compressing(OutputStream out) throws IOException {
        return switch (this) {
            case NONE -> out;
            case ZSTD -> new ZstdOutputStream(out, ZSTD_LEVEL);
            case LZ4 -> new LZ4FrameOutputStream(out);
        };
    }

    InputStream decompressing(InputStream in) throws IOException {
        return switch (this) {
            case NONE -> in;
            case ZSTD -> new ZstdInputStream(in);
            case LZ4 -> new LZ4FrameInputStream(in);
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
