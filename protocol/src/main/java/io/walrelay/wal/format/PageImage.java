package io.walrelay.wal.format;

/**
 * The image of a page in a record, by what its header says (PostgreSQL: xlogrecord.h, XLogRecordBlockImageHeader). The hole is zeros in
 * the middle of the page that were left out.
 *
 * @param offset where its bytes begin, from the record's beginning
 * @param length of its bytes, compressed as they may be
 * @param holeOffset in the page; 0 without a hole
 * @param holeLength 0 without a hole
 * @param applied whether replay puts it in place; else it is there to compare with (wal_consistency_checking)
 */
public record PageImage(int offset, int length, int holeOffset, int holeLength, Compression compression, boolean applied) {

    /** How an image is compressed. 13 and 14 know PGLZ only. */
    public enum Compression {
        NONE,
        PGLZ,
        LZ4,
        ZSTD
    }

    /** length (int2), hole's offset (int2), flags (int1). */
    static final int HEADER_SIZE = 5;

    private static final int HAS_HOLE = 0x01;

    /** The flags of 13 and 14. */
    private static final int OLD_COMPRESSED = 0x02;

    private static final int OLD_APPLY = 0x04;

    /** The flags since 15, of which several forms of compression may be set by no valid record. */
    private static final int APPLY = 0x02;

    private static final int PGLZ = 0x04;
    private static final int LZ4 = 0x08;
    private static final int ZSTD = 0x10;

    static boolean hasHole(int flags) {
        return (flags & HAS_HOLE) != 0;
    }

    static boolean isApplied(WalVersion version, int flags) {
        return (flags & (isOld(version) ? OLD_APPLY : APPLY)) != 0;
    }

    static Compression compression(WalVersion version, int flags) {
        if (isOld(version)) {
            return (flags & OLD_COMPRESSED) != 0 ? Compression.PGLZ : Compression.NONE;
        }
        if ((flags & PGLZ) != 0) {
            return Compression.PGLZ;
        }
        if ((flags & LZ4) != 0) {
            return Compression.LZ4;
        }
        return (flags & ZSTD) != 0 ? Compression.ZSTD : Compression.NONE;
    }

    private static boolean isOld(WalVersion version) {
        return version.major() < 15;
    }
}
