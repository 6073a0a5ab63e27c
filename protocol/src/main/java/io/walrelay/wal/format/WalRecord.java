package io.walrelay.wal.format;

import io.walrelay.wal.Lsn;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import java.util.Optional;

/**
 * A record taken apart (PostgreSQL: xlogrecord.h; xlogreader.c, DecodeXLogRecord):
 *
 * <pre>
 *   | header | block reference … | origin | top-level xid | length of main data | image and data of each block … | main data |
 *   0        24
 *
 *   block reference:  | id | fork and flags | data length | image header, if any | relation, unless the same | block |
 *                     1    1                2             5 or 7                 12                          4
 * </pre>
 *
 * A view: the bytes stay where they are, and it holds until they change. One is read again and again ({@link WalReader#take}), and
 * allocates nothing but what {@link #block} returns: those that look at every reference of every record ask for its parts one by one. What is out of form is found when it is read, not later.
 *
 * <p>Confined to one thread.
 */
public final class WalRecord {

    /** xlogrecord.h, XLR_MAX_BLOCK_ID. */
    public static final int MAX_BLOCK_ID = 32;

    private static final int ID_DATA_SHORT = 255;
    private static final int ID_DATA_LONG = 254;
    private static final int ID_ORIGIN = 253;

    /** Since 14. */
    private static final int ID_TOPLEVEL_XID = 252;

    private static final int FORK_MASK = 0x0F;
    /** relpath.h, MAX_FORKNUM. */
    static final int MAX_FORK = 3;
    private static final int HAS_IMAGE = 0x10;
    private static final int HAS_DATA = 0x20;
    private static final int WILL_INIT = 0x40;
    private static final int SAME_RELATION = 0x80;

    private static final byte[] NOTHING = new byte[0];

    private WalVersion version = WalVersion.V13;
    private long start;
    private byte[] bytes = NOTHING;
    private int offset;
    private int end;

    /** The next byte of what comes before the blocks' and the main data. */
    private int at;

    private int blocks;

    /* By reference: where in the bytes its header, image header (-1: none), relation and block number begin. */
    private final int[] headerAt = new int[MAX_BLOCK_ID + 1];
    private final int[] relationAt = new int[MAX_BLOCK_ID + 1];
    private final int[] numberAt = new int[MAX_BLOCK_ID + 1];
    private final int[] imageAt = new int[MAX_BLOCK_ID + 1];

    /** Where the images and data of all blocks begin. */
    private int dataAt;

    private int origin;
    private int topLevelXid;
    private int mainDataAt;

    /**
     * Takes apart the record of {@code length} bytes at {@code offset}, page headers and padding not among them.
     *
     * @param start where it starts in the log
     * @throws MalformedRecordException when it is none; then nothing that is asked of this means anything
     * @throws IndexOutOfBoundsException if there are fewer bytes than that
     */
    public void read(WalVersion version, Lsn start, byte[] bytes, int offset, int length) throws MalformedRecordException {
        read(version, start.value(), bytes, offset, length);
    }

    void read(WalVersion version, long start, byte[] bytes, int offset, int length) throws MalformedRecordException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        this.version = version;
        this.start = start;
        this.bytes = bytes;
        this.offset = offset;
        this.end = offset + length;
        this.at = offset;
        this.blocks = 0;
        this.origin = 0;
        this.topLevelXid = 0;
        if (length < RecordHeader.SIZE || RecordHeader.totalLength(bytes, offset) != length) {
            throw malformed("%d bytes, which is not the length in its header".formatted(length));
        }
        this.at = offset + RecordHeader.SIZE;
        mainDataAt = end - readHeaders();
        dataAt = at;
    }

    /** Reads up to the data, and returns the main data's length. */
    private int readHeaders() throws MalformedRecordException {
        int data = 0;
        while (end - at > data) {
            int id = takeByte();
            if (id <= MAX_BLOCK_ID) {
                data += takeBlock(id);
                continue;
            }
            switch (id) {
                case ID_DATA_SHORT, ID_DATA_LONG -> {
                    int mainData = id == ID_DATA_SHORT ? takeByte() : takeInt();
                    requireData(data + Integer.toUnsignedLong(mainData));
                    return mainData;
                }
                case ID_ORIGIN -> origin = takeShort();
                case ID_TOPLEVEL_XID -> {
                    if (version.major() < 14) {
                        throw malformed("invalid block id %d".formatted(id));
                    }
                    topLevelXid = takeInt();
                }
                default -> throw malformed("invalid block id %d".formatted(id));
            }
        }
        requireData(data);
        return 0;
    }

    private void requireData(long announced) throws MalformedRecordException {
        if (end - at != announced) {
            throw malformed("%d bytes of data are announced, %d follow".formatted(announced, end - at));
        }
    }

    /** Reads a reference, its id taken already, and returns how many bytes of images and data belong to it. */
    private int takeBlock(int id) throws MalformedRecordException {
        int header = take(Byte.BYTES + Short.BYTES) - 1;
        int flags = u8(header + 1);
        int dataLength = u16(header + 2);
        if (blocks > 0 && id <= u8(headerAt[blocks - 1]) || (flags & FORK_MASK) > MAX_FORK || (flags & HAS_DATA) == 0 != (dataLength == 0)) {
            throw malformedReference(id, flags, dataLength);
        }
        headerAt[blocks] = header;
        int imageLength = 0;
        if ((flags & HAS_IMAGE) != 0) {
            imageAt[blocks] = at;
            imageLength = takeImageHeader(id);
        } else {
            imageAt[blocks] = -1;
        }
        if ((flags & SAME_RELATION) == 0) {
            relationAt[blocks] = take(RelationFile.SIZE);
        } else if (blocks > 0) {
            relationAt[blocks] = relationAt[blocks - 1];
        } else {
            throw malformed("block %d is of the same relation as none before it".formatted(id));
        }
        numberAt[blocks] = take(Integer.BYTES);
        blocks++;
        return imageLength + dataLength;
    }

    private MalformedRecordException malformedReference(int id, int flags, int dataLength) {
        if (blocks > 0 && id <= u8(headerAt[blocks - 1])) {
            return malformed("out-of-order block id %d".formatted(id));
        }
        return (flags & FORK_MASK) > MAX_FORK
                ? malformed("block %d is of fork %d; expected 0 to %d".formatted(id, flags & FORK_MASK, MAX_FORK))
                : malformed("block %d has %d bytes of data, its flags are 0x%02X".formatted(id, dataLength, flags));
    }

    private int takeImageHeader(int id) throws MalformedRecordException {
        int header = take(PageImage.HEADER_SIZE);
        int flags = u8(header + 4);
        boolean compressed = PageImage.compression(version, flags) != PageImage.Compression.NONE;
        boolean hasHole = PageImage.hasHole(flags);
        if (compressed && hasHole) {
            take(Short.BYTES);
        }
        int length = u16(header);
        int holeOffset = u16(header + 2);
        int holeLength = holeLength(header);
        boolean holeIsRight = hasHole
                ? holeOffset > 0 && holeLength > 0 && holeOffset + holeLength <= PageHeader.PAGE_SIZE
                : holeOffset == 0;
        boolean lengthIsRight = compressed || hasHole ? length < PageHeader.PAGE_SIZE : length == PageHeader.PAGE_SIZE;
        if (!holeIsRight || !lengthIsRight) {
            throw malformed("block %d has an image of %d bytes with a hole of %d at %d, its flags are 0x%02X".formatted(id, length, holeLength, holeOffset, flags));
        }
        return length;
    }

    private int holeLength(int imageHeader) {
        int flags = u8(imageHeader + 4);
        if (!PageImage.hasHole(flags)) {
            return 0;
        }
        boolean compressed = PageImage.compression(version, flags) != PageImage.Compression.NONE;
        return compressed ? u16(imageHeader + PageImage.HEADER_SIZE) : PageHeader.PAGE_SIZE - u16(imageHeader);
    }

    /** Where the data of reference number {@code i} begin, after its image and after those of all before it. */
    private int dataAt(int i) {
        int next = dataAt;
        for (int before = 0; before < i; before++) {
            next += imageLength(before) + u16(headerAt[before] + 2);
        }
        return next + imageLength(i);
    }

    /** Where it starts. */
    public Lsn start() {
        return new Lsn(start);
    }

    public WalVersion version() {
        return version;
    }

    public RecordHeader header() {
        return RecordHeader.parse(bytes, offset);
    }

    /** Bytes of it, the header's too. */
    public int length() {
        return end - offset;
    }

    /** 8 bits. */
    public int resourceManager() {
        return RecordHeader.infoAndManager(bytes, offset) >>> 8;
    }

    /** 8 bits. */
    public int info() {
        return RecordHeader.infoAndManager(bytes, offset) & 0xFF;
    }

    /** How many blocks it refers to. */
    public int blockCount() {
        return blocks;
    }

    /** The reference number {@code i}, from 0 on, whatever its id is. */
    public BlockReference block(int i) {
        Objects.checkIndex(i, blocks);
        int flags = u8(headerAt[i] + 1);
        return new BlockReference(
                u8(headerAt[i]),
                RelationFile.parse(bytes, relationAt[i]),
                flags & FORK_MASK,
                LittleEndian.getInt(bytes, numberAt[i]),
                (flags & WILL_INIT) != 0,
                Optional.ofNullable(imageAt[i] < 0 ? null : image(i)),
                dataAt(i) - offset,
                u16(headerAt[i] + 2));
    }

    // The parts of the reference number i, for those who must not allocate.

    /** As {@link RelationFile#database}, in the upper half, and {@link RelationFile#tablespace}: for those who look one up. */
    public long databaseAndTablespaceOf(int i) {
        return LittleEndian.getLong(bytes, relationAt[Objects.checkIndex(i, blocks)]);
    }

    /** As {@link RelationFile#tablespace}. */
    public int tablespaceOf(int i) {
        return LittleEndian.getInt(bytes, relationAt[Objects.checkIndex(i, blocks)]);
    }

    /** As {@link RelationFile#database}. */
    public int databaseOf(int i) {
        return LittleEndian.getInt(bytes, relationAt[Objects.checkIndex(i, blocks)] + 4);
    }

    /** As {@link RelationFile#relation}. */
    public int relationOf(int i) {
        return LittleEndian.getInt(bytes, relationAt[Objects.checkIndex(i, blocks)] + 8);
    }

    /** As {@link BlockReference#fork}. */
    public int forkOf(int i) {
        return flagsOf(i) & FORK_MASK;
    }

    /** As {@link BlockReference#block}. */
    public int blockOf(int i) {
        return LittleEndian.getInt(bytes, numberAt[Objects.checkIndex(i, blocks)]);
    }

    /** As {@link BlockReference#willInit}. */
    public boolean willInit(int i) {
        return (flagsOf(i) & WILL_INIT) != 0;
    }

    public boolean hasImage(int i) {
        return imageAt[Objects.checkIndex(i, blocks)] >= 0;
    }

    /** As {@link PageImage#applied}; false without an image. */
    public boolean imageIsApplied(int i) {
        return hasImage(i) && PageImage.isApplied(version, u8(imageAt[i] + 4));
    }

    /** The bytes that the image takes in the record; 0 without one. */
    public int imageLength(int i) {
        return hasImage(i) ? u16(imageAt[i]) : 0;
    }

    /** As {@link BlockReference#writesWholePage}. */
    public boolean writesWholePage(int i) {
        return willInit(i) || imageIsApplied(i);
    }

    private int flagsOf(int i) {
        return u8(headerAt[Objects.checkIndex(i, blocks)] + 1);
    }

    /** The first reference's relation; there must be one. */
    RelationFile firstRelation() {
        Objects.checkIndex(0, blocks);
        return RelationFile.parse(bytes, relationAt[0]);
    }

    private PageImage image(int i) {
        int header = imageAt[i];
        int flags = u8(header + 4);
        int length = u16(header);
        return new PageImage(
                dataAt(i) - length - offset,
                length,
                u16(header + 2),
                holeLength(header),
                PageImage.compression(version, flags),
                PageImage.isApplied(version, flags));
    }

    /** The replication origin that the change came from; 0 without one. 16 bits. */
    public int origin() {
        return origin;
    }

    /** The transaction that the record's subtransaction belongs to; 0 when the record does not say. Unsigned. */
    public int topLevelXid() {
        return topLevelXid;
    }

    /** All of its bytes, the header's too; read-only. */
    public ByteBuffer whole() {
        return slice(offset, end - offset);
    }

    /** What the resource manager wrote that belongs to no block; read-only. */
    public ByteBuffer mainData() {
        return slice(mainDataAt, end - mainDataAt);
    }

    public int mainDataLength() {
        return end - mainDataAt;
    }

    private ByteBuffer slice(int from, int length) {
        return ByteBuffer.wrap(bytes, from, length).slice().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    // The main data's numbers, for those who must not allocate. What lies past its end is out of form.

    int mainByte(int index) throws MalformedRecordException {
        return u8(mainDataAt(index, Byte.BYTES));
    }

    int mainInt(int index) throws MalformedRecordException {
        return LittleEndian.getInt(bytes, mainDataAt(index, Integer.BYTES));
    }

    long mainLong(int index) throws MalformedRecordException {
        return LittleEndian.getLong(bytes, mainDataAt(index, Long.BYTES));
    }

    RelationFile mainRelation(int index) throws MalformedRecordException {
        return RelationFile.parse(bytes, mainDataAt(index, RelationFile.SIZE));
    }

    /** The number at {@code index}, of things of {@code size} bytes that follow it and must be there. */
    int mainCount(int index, int size) throws MalformedRecordException {
        int count = mainInt(index);
        int room = (mainDataLength() - index - Integer.BYTES) / size;
        if (count < 0 || count > room) {
            throw malformed("%s of something of %d bytes; there is room for %d".formatted(Integer.toUnsignedString(count), size, room));
        }
        return count;
    }

    private int mainDataAt(int index, int size) throws MalformedRecordException {
        if (index + size > mainDataLength()) {
            throw malformed("%d bytes of main data; expected %d or more".formatted(mainDataLength(), index + size));
        }
        return mainDataAt + index;
    }

    /** The problem, for whoever reads what the record means. */
    MalformedRecordException malformed(String problem) {
        return new MalformedRecordException(start(), problem);
    }

    private int take(int size) throws MalformedRecordException {
        if (end - at < size) {
            throw malformed("it ends at byte %d, inside its headers".formatted(end - offset));
        }
        int taken = at;
        at += size;
        return taken;
    }

    private int takeByte() throws MalformedRecordException {
        return u8(take(Byte.BYTES));
    }

    private int takeShort() throws MalformedRecordException {
        return u16(take(Short.BYTES));
    }

    private int takeInt() throws MalformedRecordException {
        return LittleEndian.getInt(bytes, take(Integer.BYTES));
    }

    private int u8(int index) {
        return bytes[index] & 0xFF;
    }

    private int u16(int index) {
        return LittleEndian.getUnsignedShort(bytes, index);
    }
}
