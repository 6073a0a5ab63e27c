package io.walrelay.proxy.http;

/**
 * Ranges of a relation's blocks as text, {@code 0-6,9}: the first and the last block of each, or the only one, as Linux writes lists of processors. A change
 * index has them by the ten thousand, most of one block: in JSON's own arrays they take half as much again, and several times the time to read.
 */
public final class BlockRanges {

    /** As many numbers there are for those of a relation (PostgreSQL: block.h). */
    private static final long BLOCKS = 1L << Integer.SIZE;

    /** Of a number of 32 bits, unsigned. */
    private static final int MOST_DIGITS = 10;

    private BlockRanges() {}

    /** Whoever takes them. */
    @FunctionalInterface
    public interface Taker {

        /** @param first 32 bits, unsigned; {@code count} is one at least, and the last block has a number, too */
        void blocks(int first, long count);
    }

    /** Writes one behind those that are there. */
    static void append(StringBuilder ranges, int first, long count) {
        if (!ranges.isEmpty()) {
            ranges.append(',');
        }
        long number = Integer.toUnsignedLong(first);
        ranges.append(number);
        if (count > 1) {
            ranges.append('-').append(number + count - 1);
        }
    }

    /**
     * Hands over each range of {@code text}, of which {@code length} characters from {@code offset} on are meant.
     *
     * @throws IllegalArgumentException at what is none; those before it were handed over
     */
    public static void read(char[] text, int offset, int length, Taker taker) {
        int end = offset + length;
        long first = -1;
        long number = 0;
        int digits = 0;
        for (int at = offset; at < end; at++) {
            char c = text[at];
            if (c >= '0' && c <= '9' && digits < MOST_DIGITS) {
                number = 10 * number + c - '0';
                digits++;
            } else if (c == '-' && first < 0 && digits > 0) {
                first = number;
                number = 0;
                digits = 0;
            } else if (c == ',' && digits > 0 && at + 1 < end) {
                hand(first, number, taker);
                first = -1;
                number = 0;
                digits = 0;
            } else {
                throw new IllegalArgumentException("'%s' in a list of blocks, behind \"%s\"; expected ranges like 0-6,9".formatted(c, new String(text, Math.max(offset, at - 2 * MOST_DIGITS), Math.min(at - offset, 2 * MOST_DIGITS))));
            }
        }
        if (digits > 0) {
            hand(first, number, taker);
        } else if (length > 0) {
            throw new IllegalArgumentException("a list of blocks ends with '%s'; expected ranges like 0-6,9".formatted(text[end - 1]));
        }
    }

    private static void hand(long first, long last, Taker taker) {
        long begin = first < 0 ? last : first;
        if (last >= BLOCKS || begin > last) {
            throw new IllegalArgumentException("the blocks %d-%d can't be used; expected some of %d".formatted(begin, last, BLOCKS));
        }
        taker.blocks((int) begin, last - begin + 1);
    }
}
