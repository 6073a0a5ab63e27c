package io.walrelay.cache.intake;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;

/** How archive commands compress: by what their files are called, and by what they begin with. */
enum Packed {
    GZIP(".gz", "1F8B"),
    ZSTD(".zst", "28B52FFD"),
    LZ4(".lz4", "04224D18"),
    XZ(".xz", "FD377A585A00"),
    BZIP2(".bz2", "425A68"),
    LZOP(".lzo", "894C5A4F");

    /** Bytes. */
    private static final int LONGEST_MAGIC = 6;

    private final String suffix;
    /** In hexadecimal. */
    private final String magic;

    Packed(String suffix, String magic) {
        this.suffix = suffix;
        this.magic = magic;
    }

    static Optional<Packed> byName(String file) {
        return Arrays.stream(values()).filter(packed -> file.endsWith(packed.suffix)).findFirst();
    }

    static Optional<Packed> byContent(byte[] head) {
        String begin = HexFormat.of().withUpperCase().formatHex(head, 0, Math.min(head.length, LONGEST_MAGIC));
        return Arrays.stream(values()).filter(packed -> begin.startsWith(packed.magic)).findFirst();
    }

    /** The file's name without what compressing added to it. */
    String plainName(String file) {
        return file.substring(0, file.length() - suffix.length());
    }

    /** Why it is not taken. */
    String refusal() {
        return "compressed (%s); expected the plain file, as archive_command = cp leaves it: decompress it there".formatted(name().toLowerCase(Locale.ROOT));
    }
}
