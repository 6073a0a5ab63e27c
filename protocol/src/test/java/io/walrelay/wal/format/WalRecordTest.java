package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.PageImage.Compression;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class WalRecordTest {

    private static final int HEAP = 10;

    /** Relation 1663/5/16384. */
    private static final String RELATION = "7f060000 05000000 00400000";

    private static final RelationFile FILE = new RelationFile(1663, 5, 16_384);

    private static byte[] filled(int length, int with) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) with);
        return bytes;
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] all = new byte[buffer.remaining()];
        buffer.get(all);
        return all;
    }

    private static byte[] part(WalRecord record, int offset, int length) {
        return bytes(record.whole().slice(offset, length));
    }

    @Test
    void aRecordOfMainDataAlone() throws Exception {
        WalRecord record = new RecordCraft(HEAP, 0x80).main("0102030405060708 090A").read(WalVersion.V15);
        assertEquals(HEAP, record.resourceManager());
        assertEquals(0x80, record.info());
        assertEquals(0, record.blockCount());
        assertEquals(777, record.header().xid());
        assertEquals(RecordCraft.START, record.start());
        assertArrayEquals(new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, bytes(record.mainData()));
        assertTrue(record.mainData().isReadOnly());
        assertEquals(0x0807060504030201L, record.mainLong(0));
        assertEquals(0x0A090807, record.mainInt(6));
        assertThrows(MalformedRecordException.class, () -> record.mainInt(7));
        assertThrows(MalformedRecordException.class, () -> record.mainLong(3));
        assertThrows(MalformedRecordException.class, () -> record.mainByte(10));
    }

    @Test
    void aRecordOfNothingAndOneOfMuch() throws Exception {
        assertEquals(0, new RecordCraft(0, 0x40).read(WalVersion.V18).mainDataLength());
        byte[] much = filled(70_000, 7);
        assertArrayEquals(much, bytes(new RecordCraft(0, 0).longMain(much).read(WalVersion.V13).mainData()));
    }

    @Test
    void originAndTopLevelTransactionAreNoBlocks() throws Exception {
        WalRecord record = new RecordCraft(HEAP, 0).headers("FD 0200").headers("FC E8030000").main("01").read(WalVersion.V14);
        assertEquals(2, record.origin());
        assertEquals(1_000, record.topLevelXid());
        assertEquals(0, record.blockCount());
        WalRecord without = new RecordCraft(HEAP, 0).main("01").read(WalVersion.V14);
        assertEquals(0, without.origin());
        assertEquals(0, without.topLevelXid());
        assertThrows(MalformedRecordException.class, () -> new RecordCraft(HEAP, 0).headers("FC E8030000").main("01").read(WalVersion.V13));
    }

    @Test
    void blocksHaveTheirDataInTheirOrderAndMayShareARelation() throws Exception {
        WalRecord record = new RecordCraft(HEAP, 0)
                .headers("00 20 0300").headers(RELATION).headers("07000000")
                .headers("01 C0 0000").headers("08000000")
                .headers("05 A2 0200").headers("FFFFFFFF")
                .data(filled(3, 0xAA))
                .data(filled(2, 0xBB))
                .main("CC")
                .read(WalVersion.V16);
        assertEquals(3, record.blockCount());
        BlockReference first = record.block(0);
        assertEquals(new BlockReference(0, FILE, 0, 7, false, Optional.empty(), first.dataOffset(), 3), first);
        assertArrayEquals(filled(3, 0xAA), part(record, first.dataOffset(), 3));
        assertFalse(first.writesWholePage());
        BlockReference second = record.block(1);
        assertEquals(new BlockReference(1, FILE, 0, 8, true, Optional.empty(), second.dataOffset(), 0), second);
        assertTrue(second.writesWholePage());
        BlockReference third = record.block(2);
        assertEquals(new BlockReference(5, FILE, 2, -1, false, Optional.empty(), third.dataOffset(), 2), third, "the visibility map, the last block that there can be");
        assertArrayEquals(filled(2, 0xBB), part(record, third.dataOffset(), 2));
        assertArrayEquals(filled(1, 0xCC), bytes(record.mainData()));
        assertThrows(IndexOutOfBoundsException.class, () -> record.block(3));
        assertEquals("1663/5/16384", FILE.toString());
    }

    @Test
    void thePartsOfAReferenceAreThoseOfTheWhole() throws Exception {
        WalRecord record = new RecordCraft(HEAP, 0)
                .headers("00 70 0300 401F 6400 03").headers(RELATION).headers("07000000")
                .headers("01 C2 0000").headers("08000000")
                .headers("02 10 0000 401F 6400 01").headers("7f060000 06000000 01400000").headers("FFFFFFFF")
                .data(filled(8_003, 0xAA))
                .data(filled(8_000, 0xBB))
                .main("CC")
                .read(WalVersion.V15);
        for (int i = 0; i < 3; i++) {
            BlockReference block = record.block(i);
            assertEquals(block.relation(), new RelationFile(record.tablespaceOf(i), record.databaseOf(i), record.relationOf(i)));
            assertEquals(
                    block.relation(), new RelationFile((int) record.databaseAndTablespaceOf(i), (int) (record.databaseAndTablespaceOf(i) >>> 32), record.relationOf(i)));
            assertEquals(block.fork(), record.forkOf(i));
            assertEquals(block.block(), record.blockOf(i));
            assertEquals(block.willInit(), record.willInit(i));
            assertEquals(block.image().isPresent(), record.hasImage(i));
            assertEquals(block.image().filter(PageImage::applied).isPresent(), record.imageIsApplied(i));
            assertEquals(block.image().map(PageImage::length).orElse(0), record.imageLength(i));
            assertEquals(block.writesWholePage(), record.writesWholePage(i));
        }
        assertTrue(record.willInit(0) && record.hasImage(0) && record.writesWholePage(0), "an image to compare with of a page that is made anew");
        assertTrue(record.willInit(1) && !record.hasImage(1) && record.writesWholePage(1) && record.forkOf(1) == 2);
        assertTrue(!record.willInit(2) && record.hasImage(2) && !record.writesWholePage(2), "an image to compare with replaces nothing");
        assertThrows(IndexOutOfBoundsException.class, () -> record.blockOf(3));
        assertThrows(IndexOutOfBoundsException.class, () -> record.relationOf(-1));
    }

    /** The flags of an image mean one thing in 13 and 14, and another since. */
    @ParameterizedTest
    @CsvSource({
        // version, flags, length, hole's offset, hole's length in the header, hole's length, compression, applied
        "V13, 00, 8192, 0, '', 0, NONE, false",
        "V13, 05, 8000, 100, '', 192, NONE, true",
        "V14, 07, 500, 100, '0008', 2048, PGLZ, true",
        "V14, 06, 500, 0, '', 0, PGLZ, true",
        "V14, 02, 500, 0, '', 0, PGLZ, false",
        "V15, 02, 8192, 0, '', 0, NONE, true",
        "V15, 01, 8000, 100, '', 192, NONE, false",
        "V15, 07, 500, 100, '0008', 2048, PGLZ, true",
        "V16, 0B, 500, 100, '0008', 2048, LZ4, true",
        "V17, 13, 500, 100, '0008', 2048, ZSTD, true",
        "V18, 10, 500, 0, '', 0, ZSTD, false",
    })
    void imagesAreReadAsTheirVersionWroteThem(
            WalVersion version, String flags, int length, int holeOffset, String holeInHeader, int holeLength, Compression compression, boolean applied) throws Exception {
        WalRecord record = new RecordCraft(HEAP, 0)
                .headers("00 30 0400")
                .headers("%02X%02X %02X%02X %s %s".formatted(length & 0xFF, length >> 8, holeOffset & 0xFF, holeOffset >> 8, flags, holeInHeader))
                .headers(RELATION)
                .headers("01000000")
                .data(filled(length, 0x11))
                .data(filled(4, 0x22))
                .main("33")
                .read(version);
        BlockReference block = record.block(0);
        PageImage image = block.image().orElseThrow();
        assertEquals(new PageImage(image.offset(), length, holeOffset, holeLength, compression, applied), image);
        assertEquals(applied, block.writesWholePage());
        assertArrayEquals(filled(length, 0x11), part(record, image.offset(), length));
        assertArrayEquals(filled(4, 0x22), part(record, block.dataOffset(), 4));
        assertArrayEquals(filled(1, 0x33), bytes(record.mainData()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "the same relation as none before   | 00 80 0000 01000000",
        "invalid block id 33                | 21 00 0000 7f0600000500000000400000 01000000",
        "invalid block id 251               | FB 00 0000 7f0600000500000000400000 01000000",
        "of fork 4                          | 00 04 0000 7f0600000500000000400000 01000000",
        "0 bytes of data, its flags are 0x20| 00 20 0000 7f0600000500000000400000 01000000",
        "1 bytes of data, its flags are 0x00| 00 00 0100 7f0600000500000000400000 01000000",
        "out-of-order block id 1            | 01 00 0000 7f0600000500000000400000 01000000 01 80 0000 02000000",
        "an image of 8191 bytes             | 00 10 0000 FF1F 0000 02 7f0600000500000000400000 01000000",
        "with a hole of 192 at 0            | 00 10 0000 401F 0000 03 7f0600000500000000400000 01000000",
        "with a hole of 192 at 8191         | 00 10 0000 401F FF1F 03 7f0600000500000000400000 01000000",
        "with a hole of 0 at 5              | 00 10 0000 0020 0500 02 7f0600000500000000400000 01000000",
        "an image of 8192 bytes             | 00 10 0000 0020 0000 06 7f0600000500000000400000 01000000",
        "it ends at byte                    | 00 00 0000 7f0600000500000000400000 0100",
        "it ends at byte                    | 00 00",
        "bytes of data are announced        | 00 20 0001 7f0600000500000000400000 01000000",
        "bytes of data are announced        | FF 05 01",
        "bytes of data are announced        | FE FFFFFFFF 01",
    })
    void whatNoRecordSaysIsNamed(String problem, String headers) {
        MalformedRecordException e = assertThrows(MalformedRecordException.class, () -> new RecordCraft(HEAP, 0).headers(headers).read(WalVersion.V15));
        assertTrue(String.valueOf(e.getMessage()).contains(problem), e.getMessage());
        assertTrue(String.valueOf(e.getMessage()).startsWith("record at 0/1000028: "), e.getMessage());
        assertEquals(RecordCraft.START, e.at());
    }

    @Test
    void aLengthThatIsNotTheHeadersIsNone() {
        byte[] bytes = new RecordCraft(HEAP, 0).main("01").bytes();
        assertThrows(MalformedRecordException.class, () -> new WalRecord().read(WalVersion.V15, RecordCraft.START, bytes, 0, bytes.length - 1));
        assertThrows(MalformedRecordException.class, () -> new WalRecord().read(WalVersion.V15, RecordCraft.START, bytes, 0, 10));
        assertThrows(IndexOutOfBoundsException.class, () -> new WalRecord().read(WalVersion.V15, RecordCraft.START, bytes, 5, bytes.length));
    }

    @Test
    void aReaderGivesEachOfItsRecords() throws Exception {
        WalCraft wal = WalCraft.begin(WalVersion.V17, new SegmentSize(1 << 20), new SystemId(7), TimelineHistory.root(TimelineId.of(1)), Lsn.parse("0/1000000"), 1);
        byte[] small = HexFormat.of().parseHex("FF020A0B");
        byte[] large = ByteBuffer.allocate(30_005).order(ByteOrder.LITTLE_ENDIAN).put((byte) 254).putInt(30_000).array();
        for (int i = 0; i < 400; i++) {
            wal.record(HEAP, 0x10, small).record(9, 0x20, large);
        }
        WalReader reader = WalReader.open(wal.source(), wal.identity(), wal.start());
        WalRecord record = new WalRecord();
        int seen = 0;
        while (reader.next()) {
            reader.take(record);
            assertEquals(wal.recordStarts().get(seen), record.start());
            assertEquals(WalVersion.V17, record.version());
            assertEquals(reader.header(), record.header());
            assertEquals(seen % 2 == 0 ? HEAP : 9, reader.resourceManager());
            assertEquals(seen % 2 == 0 ? 0x10 : 0x20, reader.info());
            assertEquals(seen % 2 == 0 ? 2 : 30_000, record.mainDataLength());
            seen++;
        }
        assertEquals(800, seen);
    }

    /** Whatever bits are wrong, a record is read or refused: never anything else is thrown, and never is memory claimed for what is not there. */
    @ParameterizedTest
    @EnumSource(WalVersion.class)
    void flippedBitsAreReadOrRefused(WalVersion version) throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[][] good = {
            new RecordCraft(HEAP, 0)
                    .headers("00 30 0400 401F 6400 " + (version.major() < 15 ? "05" : "03")).headers(RELATION).headers("07000000")
                    .headers("01 A0 0200").headers("08000000")
                    .headers("FD 0200")
                    .data(filled(8_000, 1)).data(filled(4, 2)).data(filled(2, 3))
                    .main("0102030405060708")
                    .bytes(),
            new RecordCraft(0, 0x10).main("00".repeat(88)).bytes(),
            new RecordCraft(0, 0x60).main("64000000 08000000 0A000000 00000000 40000000 01000000 0001").bytes(),
            new RecordCraft(8, 0x10).main("00000000 00000000 01000000 E8030000 E8030000 E7030000").bytes(),
            new RecordCraft(9, 0x10).headers("00 00 0000").headers(RELATION).headers("01000000").main("E8030000 E8030000 0000").bytes(),
            new RecordCraft(11, 0xD0).main(RELATION + "01000000 E803000000000000 01").bytes(),
            new RecordCraft(1, 0x80).main("0100000000000000 07000000 05000000 7f060000 01000000 E8030000 01000000" + RELATION).bytes(),
            new RecordCraft(4, 0x20).main("05000000 02000000 7f060000 7f060000").bytes(),
            new RecordCraft(5, 0x00).main("00400000 2F746D702F7400").bytes(),
        };
        WalRecord record = new WalRecord();
        int refused = 0;
        for (int i = 0; i < 60_000; i++) {
            byte[] bytes = good[i % good.length].clone();
            int bits = random.nextInt(4);
            for (int bit = 0; bit < bits; bit++) {
                // Past the length, which is checked with the header, and mostly among the headers.
                int at = 4 + random.nextInt(random.nextInt(10) == 0 ? bytes.length - 4 : Math.min(bytes.length - 4, 70));
                bytes[at] ^= (byte) (1 << random.nextInt(8));
            }
            try {
                record.read(version, RecordCraft.START, bytes, 0, bytes.length);
                long held = record.mainDataLength();
                for (int b = 0; b < record.blockCount(); b++) {
                    BlockReference block = record.block(b);
                    assertEquals(block.writesWholePage(), record.writesWholePage(b));
                    held += block.dataLength() + block.image().map(PageImage::length).orElse(0);
                    assertTrue(block.dataOffset() >= RecordHeader.SIZE && block.dataOffset() + block.dataLength() <= bytes.length, "seed " + seed);
                }
                assertTrue(held <= bytes.length - RecordHeader.SIZE, "seed " + seed);
                if (RecordBodies.of(record).isPresent()) {
                    assertTrue(RecordBodies.mayKnow(record.resourceManager(), record.info()), "seed " + seed);
                }
            } catch (MalformedRecordException e) {
                refused++;
            } catch (RuntimeException e) {
                throw new AssertionError("seed %d, round %d".formatted(seed, i), e);
            }
        }
        assertTrue(refused > 5_000, "refused " + refused + ", seed " + seed);
    }
}
