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

    private final String suffix;
    private final byte[] magic;

    Packed(String suffix, String magic) {
        this.suffix = suffix;
        this.magic = HexFormat.of().parseHex(magic);
    }

    static Optional<Packed> byName(String file) {
        return Arrays.stream(values()).filter(packed -> file.endsWith(packed.suffix)).findFirst();
    }

    static Optional<Packed> byContent(byte[] head) {
        return Arrays.stream(values())
                .filter(packed -> head.length >= packed.magic.length && Arrays.equals(packed.magic, Arrays.copyOf(head, packed.magic.length)))
                .findFirst();
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
