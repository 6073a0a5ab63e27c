package io.walrelay.cache.index;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.MalformedRecordException;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.WalRecord;
import io.walrelay.wal.format.WalVersion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * The changes of a segment's records, or of those of a part of it, as bytes. Numbers are of variable length (7 bits a byte, the lowest first),
 * positions are counted in 8 bytes from the beginning:
 *
 * <pre>
 *   lineage's id | beginning                                                       8 bytes
 *   checkpoints (0 or 1) | position of the last, if there is one
 *   commits (0 or 1) | time of the oldest | of the newest                          8 bytes each, if there are any
 *   managers | number, records, bytes, bytes of images …
 *   special records | version | position, length, the record …
 *   forks | tablespace, database, relation, fork, references, bytes of images …
 *   blocks | fork's place above, number from the last one of the fork, first change from the last one; its lowest bit: the whole page …
 * </pre>
 *
 * <p>The lineage is a part of it because a timeline's number can be taken twice, and with it a segment's name.
 */
public final class ChangesFormat {

    private static final int MANAGERS = 256;
    private static final int UNIT_BITS = 3;

    private ChangesFormat() {}

    /** Whose changes these are: of the records of a lineage that start from {@code begin} on. */
    public record Key(String lineage, Lsn begin) {}

    /** How much is wanted. */
    public enum Extent {
        /** All but the blocks. */
        SUMMARY,
        ALL
    }

    public static byte[] encode(Key key, Changes changes) {
        long begin = key.begin.value();
        Output out = new Output();
        out.text(key.lineage);
        out.fixed(begin);
        Optional<Lsn> checkpoint = changes.lastCheckpoint();
        out.number(checkpoint.isPresent() ? 1 : 0);
        checkpoint.ifPresent(it -> out.number(it.value() - begin >> UNIT_BITS));
        Optional<Changes.CommitTimes> commits = changes.commits();
        out.number(commits.isPresent() ? 1 : 0);
        commits.ifPresent(it -> {
            out.fixed(it.oldest());
            out.fixed(it.newest());
        });
        managers(out, changes);
        out.number(changes.special().size());
        out.number(changes.version().major());
        for (Changes.Special special : changes.special()) {
            out.number(special.at().value() - begin >> UNIT_BITS);
            out.number(special.record().length);
            out.bytes(special.record());
        }
        blocks(out, changes.blocks(), begin);
        return out.all();
    }

    private static void managers(Output out, Changes changes) {
        int count = 0;
        for (int i = 0; i < MANAGERS; i++) {
            count += changes.recordsOf(i) > 0 ? 1 : 0;
        }
        out.number(count);
        for (int i = 0; i < MANAGERS; i++) {
            if (changes.recordsOf(i) > 0) {
                out.number(i);
                out.number(changes.recordsOf(i));
                out.number(changes.bytesOf(i));
                out.number(changes.imageBytesOf(i));
            }
        }
    }

    private static void blocks(Output out, ChangedBlocks blocks, long begin) {
        out.number(blocks.forkCount());
        for (int fork = 0; fork < blocks.forkCount(); fork++) {
            RelationFile relation = blocks.relationOf(fork);
            out.number(Integer.toUnsignedLong(relation.tablespace()));
            out.number(Integer.toUnsignedLong(relation.database()));
            out.number(Integer.toUnsignedLong(relation.relation()));
            out.number(blocks.kindOf(fork));
            out.number(blocks.referencesOf(fork));
            out.number(blocks.imageBytesOf(fork));
        }
        out.number(blocks.size());
        int[] lasts = new int[blocks.forkCount()];
        long position = 0;
        for (int i = 0; i < blocks.size(); i++) {
            int fork = blocks.forkOf(i);
            int block = blocks.blockOf(i);
            long at = blocks.positionOf(i) - begin >> UNIT_BITS;
            out.number(fork);
            out.number(zigzag((long) block - lasts[fork]));
            out.number(at - position << 1 | (blocks.isWholePage(i) ? 1 : 0));
            lasts[fork] = block;
            position = at;
        }
    }

    /**
     * Adds to {@code into} what {@link #encode} has written.
     *
     * @return whether it is {@code key}'s; nothing was added if not
     * @throws IOException when it is not what {@link #encode} writes
     */
    public static boolean addTo(Changes into, byte[] encoded, Key key, Extent extent) throws IOException {
        Input in = new Input(encoded);
        try {
            if (!new Key(in.text(), new Lsn(in.fixed())).equals(key)) {
                return false;
            }
            long begin = key.begin.value();
            if (in.number() == 1) {
                into.addCheckpoint(new Lsn(begin + (in.number() << UNIT_BITS)));
            }
            if (in.number() == 1) {
                into.addCommits(in.fixed(), in.fixed());
            }
            for (long managers = in.number(); managers > 0; managers--) {
                into.count((int) in.number(), in.number(), in.number(), in.number());
            }
            special(into, in, begin);
            blocks(into.blocks(), in, begin, extent);
            return true;
        } catch (IndexOutOfBoundsException | IllegalArgumentException | MalformedRecordException e) {
            throw new IOException("the changes from %s on are not in their form: %s".formatted(key.begin, e.getMessage()), e);
        }
    }

    private static void special(Changes into, Input in, long begin) throws MalformedRecordException {
        long count = in.number();
        int major = (int) in.number();
        WalVersion version = Arrays.stream(WalVersion.values()).filter(it -> it.major() == major).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("version " + major));
        for (long left = count; left > 0; left--) {
            Lsn at = new Lsn(begin + (in.number() << UNIT_BITS));
            byte[] bytes = in.bytes((int) in.number());
            WalRecord record = new WalRecord();
            record.read(version, at, bytes, 0, bytes.length);
            into.addSpecial(record, bytes);
        }
    }

    private static void blocks(ChangedBlocks into, Input in, long begin, Extent extent) {
        int forks = in.count();
        int[] numbers = new int[forks];
        for (int i = 0; i < forks; i++) {
            numbers[i] = into.fork((int) in.number(), (int) in.number(), (int) in.number(), (int) in.number());
            into.count(numbers[i], in.number(), in.number());
        }
        if (extent == Extent.SUMMARY) {
            return;
        }
        int[] lasts = new int[forks];
        long position = 0;
        for (long left = in.number(); left > 0; left--) {
            int fork = (int) in.number();
            lasts[fork] += (int) unzigzag(in.number());
            long first = in.number();
            position += first >>> 1;
            into.add(numbers[fork], lasts[fork], begin + (position << UNIT_BITS), (first & 1) != 0);
        }
    }

    /** Small numbers of either sign become small ones without. */
    private static long zigzag(long number) {
        return number << 1 ^ number >> 63;
    }

    private static long unzigzag(long number) {
        return number >>> 1 ^ -(number & 1);
    }

    private static final class Output {
        /** As many bytes as a number that is not written bit by bit takes at most. */
        private static final int SEVENS = 8;

        private static final long SEVEN_BITS = 0x7F7F_7F7F_7F7F_7F7FL;
        private static final long MORE = ~SEVEN_BITS;

        private ByteBuffer bytes = ByteBuffer.allocate(4_096).order(ByteOrder.LITTLE_ENDIAN);

        private void room(int more) {
            if (bytes.remaining() < more) {
                ByteBuffer old = bytes.flip();
                bytes = ByteBuffer.allocate(Math.max(2 * old.capacity(), old.limit() + more)).order(ByteOrder.LITTLE_ENDIAN).put(old);
            }
        }

        /** Without a branch for each byte: of two numbers for every block, nobody could tell how long they are. */
        void number(long number) {
            room(10);
            int at = bytes.position();
            int size = (Long.SIZE + 6 - Long.numberOfLeadingZeros(number | 1)) / 7;
            if (size <= SEVENS) {
                bytes.putLong(at, Long.expand(number, SEVEN_BITS) | MORE & (1L << 8 * size - 8) - 1);
                bytes.position(at + size);
                return;
            }
            long rest = number;
            while ((rest & ~0x7FL) != 0) {
                bytes.put((byte) (rest | 0x80));
                rest >>>= 7;
            }
            bytes.put((byte) rest);
        }

        void fixed(long number) {
            room(Long.BYTES);
            bytes.putLong(Long.reverseBytes(number));
        }

        void bytes(byte[] more) {
            room(more.length);
            bytes.put(more);
        }

        void text(String text) {
            byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
            number(ascii.length);
            bytes(ascii);
        }

        byte[] all() {
            return Arrays.copyOf(bytes.array(), bytes.position());
        }
    }

    private static final class Input {
        private final byte[] bytes;
        private int at;

        Input(byte[] bytes) {
            this.bytes = bytes;
        }

        long number() {
            long number = 0;
            for (int shift = 0; ; shift += 7) {
                byte next = bytes[at++];
                number |= (next & 0x7FL) << shift;
                if (next >= 0) {
                    return number;
                }
            }
        }

        /** Of things that take a byte or more each. */
        int count() {
            long count = number();
            if (count < 0 || count > bytes.length - at) {
                throw new IllegalArgumentException("%d of something at %d of %d".formatted(count, at, bytes.length));
            }
            return (int) count;
        }

        long fixed() {
            long number = 0;
            for (int i = 0; i < Long.BYTES; i++) {
                number = number << 8 | bytes[at++] & 0xFF;
            }
            return number;
        }

        byte[] bytes(int length) {
            if (length < 0 || length > bytes.length - at) {
                throw new IllegalArgumentException("%d bytes at %d of %d".formatted(length, at, bytes.length));
            }
            at += length;
            return Arrays.copyOfRange(bytes, at - length, at);
        }

        String text() {
            return new String(bytes((int) number()), StandardCharsets.US_ASCII);
        }
    }
}
