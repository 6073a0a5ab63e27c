package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;

/**
 * The header that every record of the log begins with (PostgreSQL: xlogrecord.h, XLogRecord). All numbers are little-endian:
 *
 * <pre>
 *   0         4         8                    16     17     18        20        24
 *   | tot_len | xid     | prev               | info | rmid | padding | crc     |
 * </pre>
 *
 * A record starts at a multiple of 8, so {@code tot_len} is never split by a page boundary; the rest of the header may be.
 *
 * @param totalLength bytes of the record, this header included, padding and page headers not
 * @param prev where the record before starts
 * @param info flags and kind, by resource manager, 8 bits
 * @param resourceManager 8 bits
 * @param crc CRC-32C of the data after the header and then of the header up to this field
 */
public record RecordHeader(int totalLength, int xid, Lsn prev, int info, int resourceManager, int crc) {

    public static final int SIZE = 24;

    /** PostgreSQL allocates no more for one record (memutils.h, MaxAllocSize); what claims more is not a record. */
    public static final int MAX_RECORD_LENGTH = 0x3FFF_FFFF;

    static final int INFO_OFFSET = 16;
    static final int CRC_OFFSET = 20;

    private static final int RM_XLOG = 0;
    private static final int XLOG_SWITCH = 0x40;
    private static final int KIND_BITS = 0xF0;

    /** Reads the header at {@code offset}; the values are as found. */
    public static RecordHeader parse(byte[] bytes, int offset) {
        return new RecordHeader(
                totalLength(bytes, offset),
                xid(bytes, offset),
                new Lsn(prev(bytes, offset)),
                bytes[offset + INFO_OFFSET] & 0xFF,
                bytes[offset + INFO_OFFSET + 1] & 0xFF,
                crc(bytes, offset));
    }

    /** Whether the rest of the segment is unused and the record counts as reaching to its end (PostgreSQL: pg_control.h, XLOG_SWITCH). */
    public boolean isSwitch() {
        return isSwitch(resourceManager << 8 | info);
    }

    static boolean isPossibleLength(int totalLength) {
        return totalLength >= SIZE && totalLength <= MAX_RECORD_LENGTH;
    }

    /** {@code infoAndManager}: the two bytes at {@link #INFO_OFFSET} as a little-endian number. */
    static boolean isSwitch(int infoAndManager) {
        return (infoAndManager & (0xFF00 | KIND_BITS)) == (RM_XLOG << 8 | XLOG_SWITCH);
    }

    /** {@code length} with the padding that brings it to the next multiple of 8 (PostgreSQL: c.h, MAXALIGN). */
    static int aligned(int length) {
        return length + 7 & ~7;
    }

    static int totalLength(byte[] bytes, int offset) {
        return LittleEndian.getInt(bytes, offset);
    }

    static int xid(byte[] bytes, int offset) {
        return LittleEndian.getInt(bytes, offset + 4);
    }

    static long prev(byte[] bytes, int offset) {
        return LittleEndian.getLong(bytes, offset + 8);
    }

    static int infoAndManager(byte[] bytes, int offset) {
        return LittleEndian.getUnsignedShort(bytes, offset + INFO_OFFSET);
    }

    static int crc(byte[] bytes, int offset) {
        return LittleEndian.getInt(bytes, offset + CRC_OFFSET);
    }
}
