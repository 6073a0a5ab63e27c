package io.walrelay.cache.index;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.FileChange;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.format.WalReader;
import io.walrelay.wal.format.WalRecord;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class ChangesTest {

    private static final SegmentSize SIZE = new SegmentSize(16 << 20);
    private static final Lsn BEGIN = Lsn.parse("FFFFFFFE/1000000");
    private static final ChangesFormat.Key KEY = new ChangesFormat.Key("1@0/0-6b86b273", BEGIN);
    private static final RelationFile FILE = new RelationFile(1663, 5, 16_384);

    private final long seed = System.nanoTime();
    private final BlockWal wal = new BlockWal(WalCraft.begin(SIZE, new SystemId(7), BEGIN, seed), seed);

    private Changes read() throws Exception {
        Changes changes = new Changes();
        WalReader reader = WalReader.open(wal.wal().source(), wal.wal().identity(), BEGIN);
        WalRecord record = new WalRecord();
        while (reader.next()) {
            reader.take(record);
            changes.add(record);
        }
        return changes;
    }

    private static Changes again(Changes changes, ChangesFormat.Extent extent) throws IOException {
        Changes again = new Changes();
        assertTrue(ChangesFormat.addTo(again, ChangesFormat.encode(KEY, changes), KEY, extent));
        return again;
    }

    private static Map<BlockWal.Block, BlockWal.First> blocks(Changes changes) {
        Map<BlockWal.Block, BlockWal.First> found = new LinkedHashMap<>();
        BlockWal.add(changes.blocks(), found);
        assertEquals(found.size(), changes.blocks().size(), "each once");
        return found;
    }

    private static void assertSame(Changes expected, Changes found) {
        assertEquals(expected.commits(), found.commits());
        assertEquals(expected.byManager(), found.byManager());
        assertEquals(expected.byRelation(), found.byRelation());
        assertEquals(bodies(expected), bodies(found));
    }

    private static Map<Lsn, RecordBody> bodies(Changes changes) {
        Map<Lsn, RecordBody> bodies = new LinkedHashMap<>();
        changes.special().forEach(special -> bodies.put(special.at(), special.body()));
        return bodies;
    }

    @Test
    void eachBlockHasItsFirstChangeAndKeepsItAsBytes() throws Exception {
        wal.random(3 << 20);
        Changes changes = read();
        Map<BlockWal.Block, BlockWal.First> expected = wal.expected(BEGIN, wal.wal().end());
        assertTrue(expected.size() > 1_000, "seed " + seed);
        // Thousands of blocks are no message.
        assertTrue(expected.equals(blocks(changes)), () -> "seed " + seed);
        Changes again = again(changes, ChangesFormat.Extent.ALL);
        assertTrue(expected.equals(blocks(again)), () -> "seed " + seed);
        assertSame(changes, again);
        Changes summary = again(changes, ChangesFormat.Extent.SUMMARY);
        assertSame(changes, summary);
        assertEquals(0, summary.blocks().size());
    }

    @Test
    void whatAddsUpIsTheSumOfItsParts() throws Exception {
        wal.random(1 << 20);
        Changes changes = read();
        byte[] encoded = ChangesFormat.encode(KEY, changes);
        Changes twice = new Changes();
        for (int i = 0; i < 2; i++) {
            assertTrue(ChangesFormat.addTo(twice, encoded, KEY, ChangesFormat.Extent.ALL));
        }
        assertEquals(2 * changes.records(), twice.records());
        assertEquals(changes.byRelation().stream().mapToLong(r -> 2 * r.references()).sum(), twice.byRelation().stream().mapToLong(Changes.RelationStatistics::references).sum());
        assertTrue(blocks(changes).equals(blocks(twice)), "the first counts");
    }

    /** One segment's name can be two lineages', and one lineage has many segments. */
    @Test
    void anIndexIsOfItsOwnSegmentOnly() throws Exception {
        wal.random(10_000);
        byte[] encoded = ChangesFormat.encode(KEY, read());
        Changes into = new Changes();
        assertFalse(ChangesFormat.addTo(into, encoded, new ChangesFormat.Key("1@0/0-00000000", BEGIN), ChangesFormat.Extent.ALL));
        assertFalse(ChangesFormat.addTo(into, encoded, new ChangesFormat.Key(KEY.lineage(), BEGIN.plus(SIZE.bytes())), ChangesFormat.Extent.ALL));
        assertEquals(0, into.records());
    }

    @Test
    void aSegmentWithoutRecordsHasAnIndex() throws Exception {
        Changes again = again(new Changes(), ChangesFormat.Extent.ALL);
        assertEquals(0, again.records());
        assertEquals(Optional.empty(), again.commits());
        assertEquals(List.of(), again.byManager());
    }

    @Test
    void whatNoReferenceSaysIsKept() throws Exception {
        Lsn created = wal.main(2, 0x11, HexFormat.of().parseHex("7f060000050000000040000000000000"));
        wal.commit(2_000);
        Lsn dropped = wal.commit(1_000, FILE);
        Lsn copied = wal.main(4, 0x01, HexFormat.of().parseHex("004000007f060000010000007f060000"));
        wal.main(8, 0x10, new byte[24]);
        Changes changes = read();
        for (Changes it : List.of(changes, again(changes, ChangesFormat.Extent.SUMMARY))) {
            assertEquals(
                    Map.of(
                            created, new FileChange.RelationCreated(FILE, 0),
                            dropped, new RecordBody.TransactionEnd(true, 1_000, List.of(FILE)),
                            copied, new FileChange.DatabaseCopied(1663, 16_384, 1663, 1)),
                    bodies(it));
            assertEquals(Optional.of(new Changes.CommitTimes(1_000, 2_000)), it.commits());
        }
    }

    /** However much an extension writes, it does not become the index. */
    @Test
    void ofAnExtensionTheFirstRecordsHeaderIsKept() throws Exception {
        Lsn first = wal.main(200, 0x30, new byte[250]);
        for (int i = 0; i < 1_000; i++) {
            wal.main(200, 0x40, new byte[250]);
        }
        Lsn other = wal.main(201, 0x10, new byte[250]);
        Changes changes = read();
        Map<Lsn, RecordBody> expected = Map.of(first, new FileChange.Unknown(200, 0x30), other, new FileChange.Unknown(201, 0x10));
        assertEquals(expected, bodies(changes));
        assertEquals(expected, bodies(again(changes, ChangesFormat.Extent.ALL)));
        assertTrue(ChangesFormat.encode(KEY, changes).length < 200);
        assertEquals(List.of("custom200", "custom201"), changes.byManager().stream().map(Changes.ManagerStatistics::resourceManager).toList());
    }

    @Test
    void statisticsCountRecordsAndImages() throws Exception {
        wal.main(3, 0, new byte[10]);
        Changes changes = read();
        assertEquals(List.of(new Changes.ManagerStatistics("CLOG", 1, 24 + 2 + 10, 0)), changes.byManager());
        wal.random(100_000);
        Changes more = read();
        Changes.ManagerStatistics heap = more.byManager().getLast();
        assertEquals("Heap", heap.resourceManager());
        assertTrue(heap.imageBytes() > 0 && heap.imageBytes() % 100 == 0);
        assertEquals(heap.imageBytes(), more.byRelation().stream().mapToLong(Changes.RelationStatistics::imageBytes).sum());
    }

    @Test
    void aSegmentsIndexHasItsChecksumAndItsParts() throws Exception {
        List<byte[]> parts = List.of(new byte[0], new byte[] {1, 2, 3}, new byte[300]);
        byte[] encoded = new SegmentIndex(0xCAFEBABE, parts).encode();
        SegmentIndex parsed = SegmentIndex.parse(encoded);
        assertEquals(0xCAFEBABE, parsed.crc32c());
        assertEquals(parts.size(), parsed.parts().size());
        for (int i = 0; i < parts.size(); i++) {
            assertArrayEquals(parts.get(i), parsed.parts().get(i));
        }
        for (int length : List.of(0, 3, 5, 9, encoded.length - 1)) {
            assertThrows(IOException.class, () -> SegmentIndex.parse(Arrays.copyOf(encoded, length)), () -> "of %d bytes".formatted(length));
        }
        assertThrows(IOException.class, () -> SegmentIndex.parse(new byte[] {0, 0, 0, 0, -1, -1, -1, -1}));
    }

    @Test
    void theLastCheckpointIsKnown() throws Exception {
        assertEquals(Optional.empty(), again(read(), ChangesFormat.Extent.SUMMARY).lastCheckpoint());
        wal.checkpoint(BEGIN);
        Lsn last = wal.checkpoint(BEGIN);
        wal.random(10_000);
        assertEquals(Optional.of(last), again(read(), ChangesFormat.Extent.SUMMARY).lastCheckpoint());
    }

    /** Who refuses what changes files in a way of its own must see the first such record, whatever else the extension wrote before. */
    @Test
    void ofAnExtensionTheFirstOfEachKindIsKept() throws Exception {
        Lsn plain = wal.main(200, 0x30, new byte[8]);
        wal.main(200, 0x40, new byte[8]);
        Lsn special = wal.main(200, 0x41, new byte[8]);
        wal.main(200, 0x31, new byte[8]);
        assertEquals(Map.of(plain, new FileChange.Unknown(200, 0x30), special, new FileChange.Unknown(200, 0x41)), bodies(again(read(), ChangesFormat.Extent.SUMMARY)));
    }

    /** A checksum keeps such bytes away; if they come all the same, nothing else is thrown. */
    @Test
    void otherBytesAreRefused() throws Exception {
        wal.random(20_000);
        byte[] good = ChangesFormat.encode(KEY, read());
        for (int length = 0; length < good.length; length++) {
            byte[] cut = Arrays.copyOf(good, length);
            assertThrows(IOException.class, () -> ChangesFormat.addTo(new Changes(), cut, KEY, ChangesFormat.Extent.ALL));
        }
        Random random = new Random(seed);
        for (int i = 0; i < 2_000; i++) {
            byte[] spoilt = good.clone();
            spoilt[30 + random.nextInt(40)] ^= (byte) (1 << random.nextInt(8));
            try {
                ChangesFormat.addTo(new Changes(), spoilt, KEY, ChangesFormat.Extent.ALL);
            } catch (IOException e) {
                assertTrue(String.valueOf(e.getMessage()).startsWith("the changes from "), () -> "seed " + seed);
            }
        }
    }
}
