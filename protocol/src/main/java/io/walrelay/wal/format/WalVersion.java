package io.walrelay.wal.format;

import java.util.Optional;

/** The major versions of PostgreSQL whose log is understood, by the magic number of their pages (PostgreSQL: xlog_internal.h, XLOG_PAGE_MAGIC). */
public enum WalVersion {
    V13(13, 0xD106),
    V14(14, 0xD10D),
    V15(15, 0xD110),
    V16(16, 0xD113),
    V17(17, 0xD116),
    V18(18, 0xD118);

    private final int major;
    private final int magic;

    WalVersion(int major, int magic) {
        this.major = major;
        this.magic = magic;
    }

    /** The version whose pages begin with {@code magic}; empty when no supported version's do. */
    public static Optional<WalVersion> ofMagic(int magic) {
        for (WalVersion version : values()) {
            if (version.magic == magic) {
                return Optional.of(version);
            }
        }
        return Optional.empty();
    }

    public int major() {
        return major;
    }

    public int magic() {
        return magic;
    }
}
