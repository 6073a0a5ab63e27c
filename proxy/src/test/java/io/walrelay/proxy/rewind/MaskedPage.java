package io.walrelay.proxy.rewind;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A page without what may differ between two servers of one history: what is changed without WAL, and what replay does not write as the
 * primary did. The rules are those of PostgreSQL's own wal_consistency_checking (bufmask.c, and the access methods' rm_mask functions, alike in
 * 15 and 18):
 *
 * <pre>
 *   0     8          10      12      14      16        18     20         24
 *   | LSN | checksum | flags | lower | upper | special | size | pruneXid | line pointers … lower   upper … tuples … special … 8192
 * </pre>
 *
 * Which access method a page is of is seen by its special space, as PostgreSQL's tools see it.
 */
final class MaskedPage {

    static final int SIZE = 8192;

    private static final int LSN = 0;
    private static final int CHECKSUM = 8;
    private static final int FLAGS = 10;
    private static final int LOWER = 12;
    private static final int UPPER = 14;
    private static final int SPECIAL = 16;
    private static final int PRUNE_XID = 20;
    private static final int HEADER = 24;

    /** PD_HAS_FREE_LINES, PD_PAGE_FULL, PD_ALL_VISIBLE. */
    private static final int HINTS = 7;

    private static final int POINTER = 4;

    /** Of a line pointer, between offset (15 bits) and length (15 bits). */
    private static final int POINTER_FLAGS = 3 << 15;

    private static final int POINTER_NORMAL = 1 << 15;

    /** What a page holds. */
    enum Kind {
        NEW,
        HEAP,
        SEQUENCE,
        BTREE,
        HASH,
        GIST,
        GIN,
        SPGIST,
        BRIN,
        /** An extension's that writes generic WAL. */
        GENERIC
    }

    private final byte[] bytes;
    private final ByteBuffer page;
    private final int block;

    private MaskedPage(byte[] bytes, int block) {
        this.bytes = bytes;
        this.page = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        this.block = block;
    }

    /** A masked copy of a page; {@code block} is its number in the fork. */
    static byte[] of(byte[] page, int block) {
        byte[] copy = page.clone();
        new MaskedPage(copy, block).mask(kind(page));
        return copy;
    }

    static Kind kind(byte[] bytes) {
        ByteBuffer page = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (page.getShort(UPPER) == 0) {
            return Kind.NEW;
        }
        int special = Short.toUnsignedInt(page.getShort(SPECIAL));
        int id = Short.toUnsignedInt(page.getShort(SIZE - 2));
        return switch (SIZE - special) {
            case 0 -> Kind.HEAP;
            case 16 -> id == 0xFF80 ? Kind.HASH : id == 0xFF81 ? Kind.GIST : Kind.BTREE;
            case 8 -> id == 0xFF82 ? Kind.SPGIST
                    : id == 0xFF83 ? Kind.GENERIC
                    : id >= 0xF091 && id <= 0xF093 ? Kind.BRIN
                    : page.getLong(special) == 0x1717 ? Kind.SEQUENCE : Kind.GIN;
            default -> throw new AssertionError("a page with a special space of %d bytes".formatted(SIZE - special));
        };
    }

    private void mask(Kind kind) {
        if (kind == Kind.NEW) {
            return;
        }
        page.putLong(LSN, 0).putShort(CHECKSUM, (short) 0);
        if (kind != Kind.SEQUENCE && kind != Kind.GENERIC) {
            page.putInt(PRUNE_XID, 0).putShort(FLAGS, (short) (page.getShort(FLAGS) & ~HINTS));
        }
        int special = unsigned(SPECIAL);
        switch (kind) {
            case NEW -> {}
            case HEAP -> {
                maskHole();
                maskTuples();
            }
            case SEQUENCE, GENERIC -> maskHole();
            case BTREE -> maskBtree(special);
            case HASH -> maskHash(special);
            case GIST -> maskGist(special);
            case GIN -> {
                if ((page.getShort(special + 6) & 4) != 0) {
                    // GIN_DELETED
                    maskContent();
                } else if (unsigned(LOWER) > HEADER) {
                    maskHole();
                }
            }
            case SPGIST -> {
                if (unsigned(LOWER) >= HEADER) {
                    maskHole();
                }
            }
            case BRIN -> maskBrin(special);
        }
    }

    private int unsigned(int at) {
        return Short.toUnsignedInt(page.getShort(at));
    }

    private void clear(int at, int bits) {
        page.putShort(at, (short) (page.getShort(at) & ~bits));
    }

    private void fill(int from, int to) {
        Arrays.fill(bytes, from, to, (byte) 0);
    }

    private void maskHole() {
        int lower = unsigned(LOWER);
        int upper = unsigned(UPPER);
        if (lower > upper || upper > unsigned(SPECIAL) || lower < HEADER || unsigned(SPECIAL) > SIZE) {
            throw new AssertionError("block %d is no page: lower %d, upper %d, special %d".formatted(block, lower, upper, unsigned(SPECIAL)));
        }
        fill(lower, upper);
    }

    private void maskContent() {
        fill(HEADER, SIZE);
        page.putShort(LOWER, (short) 0).putShort(UPPER, (short) 0);
    }

    private int pointers() {
        return Math.max(0, unsigned(LOWER) - HEADER) / POINTER;
    }

    private void maskPointerFlags() {
        for (int i = 0; i < pointers(); i++) {
            int at = HEADER + i * POINTER;
            page.putInt(at, page.getInt(at) & ~POINTER_FLAGS);
        }
    }

    private void maskTuples() {
        for (int i = 0; i < pointers(); i++) {
            int pointer = page.getInt(HEADER + i * POINTER);
            int at = pointer & 0x7FFF;
            int length = pointer >>> 17;
            if ((pointer & POINTER_FLAGS) == POINTER_NORMAL) {
                maskTuple(at, i + 1);
            }
            if (length > 0) {
                fill(at + length, at + ((length + 7) & ~7));
            }
        }
    }

    /** xmin, xmax, command id, position (block in two halves, number), infomask2, infomask. */
    private void maskTuple(int at, int number) {
        boolean frozen = (page.getShort(at + 20) & 0x0300) == 0x0300;
        clear(at + 20, frozen ? 0x0C00 : 0xFFF0);
        page.putInt(at + 8, 0);
        if (unsigned(at + 16) == 0xFFFE) {
            page.putShort(at + 12, (short) (block >>> 16)).putShort(at + 14, (short) block).putShort(at + 16, (short) number);
        }
    }

    /** Left, right, level, flags, cycle. */
    private void maskBtree(int special) {
        maskHole();
        if ((page.getShort(special + 12) & 1) != 0) {
            maskPointerFlags();
        }
        // BTP_SPLIT_END, BTP_HAS_GARBAGE
        clear(special + 12, (1 << 5) | (1 << 6));
        page.putShort(special + 14, (short) 0);
    }

    /** Previous, next, bucket, flags: overflow, bucket, bitmap, meta … has dead tuples. */
    private void maskHash(int special) {
        maskHole();
        int type = page.getShort(special + 12) & 15;
        if (type == 0) {
            maskContent();
            return;
        }
        if (type == 1 || type == 2) {
            maskPointerFlags();
        }
        clear(special + 12, 1 << 7);
    }

    /** Position of the last split, right, flags: leaf, deleted, tuples deleted, follow right, has garbage. */
    private void maskGist(int special) {
        maskHole();
        page.putLong(special, 0);
        if ((page.getShort(special + 12) & 1) != 0) {
            maskPointerFlags();
        }
        clear(special + 12, (1 << 3) | (1 << 4));
    }

    /** Flags: evacuate; type: meta, revmap, regular. */
    private void maskBrin(int special) {
        int type = unsigned(special + 6);
        if (type == 0xF093 || (type == 0xF091 && unsigned(LOWER) > HEADER)) {
            maskHole();
        }
        clear(special + 4, 1);
    }
}
