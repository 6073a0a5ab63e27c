package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import java.util.Optional;

/**
 * The header that every 8192-byte page of the log begins with (PostgreSQL: xlog_internal.h, XLogPageHeaderData and
 * XLogLongPageHeaderData). All numbers are little-endian:
 *
 * <pre>
 *   0      2      4            8                    16           20        24
 *   | magic| info | timeline   | page address       | rem_len    | padding |      24 bytes: short
 *   | system identifier        | segment size | block size |                     40 bytes: long, flag XLP_LONG_HEADER,
 *   24                         32             36           40                   on the first page of each segment
 * </pre>
 *
 * The values are as found, checked by nobody: {@code timeline} is 32 bits unsigned and may be 0 in garbage.
 *
 * @param remainingLength bytes of a record begun on an earlier page that are still to come, padding not counted; unsigned
 * @param identification what only a long header says
 */
public record PageHeader(
        int magic, int info, int timeline, Lsn address, int remainingLength, Optional<Identification> identification) {

    /** Bytes of a page: the only XLOG_BLCKSZ that is supported. */
    public static final int PAGE_SIZE = 8192;

    public static final int SHORT_SIZE = 24;
    public static final int LONG_SIZE = 40;

    /** The page begins with the rest of a record from the page before. */
    public static final int FIRST_IS_CONTRECORD = 0x0001;

    public static final int LONG_HEADER = 0x0002;

    /** Backup blocks in records that start on the page may be left out by a compressing archiver; says nothing about records. */
    public static final int BKP_REMOVABLE = 0x0004;

    /**
     * The record that was unfinished on the page before has no continuation and never will: a crash took it. (This value is
     * 13's to 18's; later headers without XLP_BKP_REMOVABLE have 0x0004.)
     */
    public static final int FIRST_IS_OVERWRITE_CONTRECORD = 0x0008;

    static final int ALL_FLAGS = 0x000F;

    /** Whose log this is and how it is cut: {@code segmentSize} and {@code blockSize} in bytes, as found. */
    public record Identification(long systemId, int segmentSize, int blockSize) {}

    /**
     * Reads the header at {@code offset}.
     *
     * @throws IndexOutOfBoundsException if fewer bytes follow than the header has
     */
    public static PageHeader parse(byte[] bytes, int offset) {
        int info = info(bytes, offset);
        return new PageHeader(
                magic(bytes, offset),
                info,
                timeline(bytes, offset),
                new Lsn(address(bytes, offset)),
                remainingLength(bytes, offset),
                (info & LONG_HEADER) == 0
                        ? Optional.empty()
                        : Optional.of(new Identification(
                                systemId(bytes, offset), segmentSize(bytes, offset), blockSize(bytes, offset))));
    }

    public int size() {
        return sizeFor(info);
    }

    static int sizeFor(int info) {
        return (info & LONG_HEADER) == 0 ? SHORT_SIZE : LONG_SIZE;
    }

    // The fields one by one, for those who look at a page in passing and must not allocate.

    static int magic(byte[] bytes, int offset) {
        return LittleEndian.getUnsignedShort(bytes, offset);
    }

    static int info(byte[] bytes, int offset) {
        return LittleEndian.getUnsignedShort(bytes, offset + 2);
    }

    static int timeline(byte[] bytes, int offset) {
        return LittleEndian.getInt(bytes, offset + 4);
    }

    static long address(byte[] bytes, int offset) {
        return LittleEndian.getLong(bytes, offset + 8);
    }

    static int remainingLength(byte[] bytes, int offset) {
        return LittleEndian.getInt(bytes, offset + 16);
    }

    static long systemId(byte[] bytes, int offset) {
        return LittleEndian.getLong(bytes, offset + 24);
    }

    static int segmentSize(byte[] bytes, int offset) {
        return LittleEndian.getInt(bytes, offset + 32);
    }

    static int blockSize(byte[] bytes, int offset) {
        return LittleEndian.getInt(bytes, offset + 36);
    }
}
