package io.walrelay.cache.archive;

import static io.walrelay.cache.archive.ObjectStoreContract.random;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArchiveTest {

    private static final SegmentSize SEGMENT = new SegmentSize(1 << 20);
    private static final TimelineHistory ONE = TimelineHistory.root(new TimelineId(1));
    private static final TimelineHistory TWO = ONE.promoted(new TimelineId(2), Lsn.parse("0/3002830"), "promoted");
    private static final TimelineHistory TWO_AGAIN = ONE.promoted(new TimelineId(2), Lsn.parse("0/5000060"), "promoted again");
    private static final ObjectFormat PLAIN = new ObjectFormat(Compression.NONE, Optional.empty());
    private static final ObjectFormat ZSTD = new ObjectFormat(Compression.ZSTD, Optional.empty());
    private static final ObjectFormat LZ4 = new ObjectFormat(Compression.LZ4, Optional.empty());

    @TempDir
    private Path spool;

    private final MemoryStore store = new MemoryStore();

    private Archive open(ObjectFormat format) throws IOException {
        return Archive.open(store, format, new SystemId(7), spool, Optional.empty());
    }

    private static ArchivedName segment(TimelineHistory lineage, long number) {
        return new ArchivedName(lineage, new WalFileName.Segment(new SegmentId(lineage.timeline(), number)), SEGMENT);
    }

    private static Archive.Put put(Archive archive, ArchivedName name, byte[] bytes) throws IOException {
        return archive.put(name, () -> new ByteArrayInputStream(bytes));
    }

    private static Optional<byte[]> fetch(Archive archive, ArchivedName name) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        return archive.fetch(name, out) ? Optional.of(out.toByteArray()) : Optional.empty();
    }

    @Test
    void whatWasPutIsFetchedUnderItsLineage() throws IOException {
        Archive archive = open(ZSTD);
        byte[] first = random(1, 1 << 20);
        byte[] second = random(2, 1 << 20);
        assertInstanceOf(Archive.Put.Stored.class, put(archive, segment(TWO, 0x35), first));
        assertInstanceOf(Archive.Put.Stored.class, put(archive, segment(TWO_AGAIN, 0x35), second), "a number that was taken twice");
        assertArrayEquals(first, fetch(archive, segment(TWO, 0x35)).orElseThrow());
        assertArrayEquals(second, fetch(archive, segment(TWO_AGAIN, 0x35)).orElseThrow());
        assertFalse(archive.has(segment(ONE, 0x35)));
        assertEquals(Optional.empty(), fetch(archive, segment(ONE, 0x35)));
        assertEquals(2, archive.lineages().size());
        try (var left = Files.list(spool)) {
            assertEquals(0, left.count(), "nothing is left on the way");
        }
    }

    @Test
    void theSameBytesAreOneObjectHoweverTheyAreWritten() throws IOException {
        byte[] bytes = random(1, 1 << 20);
        for (ObjectFormat format : List.of(ZSTD, LZ4, PLAIN)) {
            for (ObjectFormat other : List.of(ZSTD, LZ4, PLAIN)) {
                MemoryStore fresh = new MemoryStore();
                Archive first = Archive.open(fresh, format, new SystemId(7), spool, Optional.empty());
                Archive second = Archive.open(fresh, other, new SystemId(7), spool, Optional.of(first.id()));
                assertInstanceOf(Archive.Put.Stored.class, put(first, segment(ONE, 1), bytes));
                assertInstanceOf(Archive.Put.AlreadyThere.class, put(second, segment(ONE, 1), bytes));
                assertArrayEquals(bytes, fetch(second, segment(ONE, 1)).orElseThrow());
                assertEquals(2, fresh.keys().size(), "the mark and the segment");
            }
        }
    }

    @Test
    void otherBytesUnderTheSameNameAreKeptBeside() throws IOException {
        Archive archive = open(ZSTD);
        put(archive, segment(ONE, 1), random(1, 1 << 20));
        Archive.Put.Conflict conflict = assertInstanceOf(Archive.Put.Conflict.class, put(archive, segment(ONE, 1), random(2, 1 << 20)));
        assertTrue(conflict.key().contains("/000000010000000000000001.conflict-"), conflict.key());
        assertTrue(store.keys().contains(conflict.key()));
        assertArrayEquals(random(1, 1 << 20), fetch(archive, segment(ONE, 1)).orElseThrow());
        assertEquals(conflict, put(archive, segment(ONE, 1), random(2, 1 << 20)), "once more is the same");
    }

    @Test
    void whatCannotBeAskedIsNotAbsent() throws IOException {
        Archive archive = open(ZSTD);
        store.failFor(key -> key.contains("000000010000000000000001"));
        assertThrows(IOException.class, () -> archive.has(segment(ONE, 1)));
        assertThrows(IOException.class, () -> fetch(archive, segment(ONE, 1)));
        assertThrows(IOException.class, () -> put(archive, segment(ONE, 1), random(1, 10)));
    }

    /** Where an archive was mounted is an empty directory now. */
    @Test
    void anArchiveThatLostItsMarkKnowsNothingOfWhatIsAbsent() throws IOException {
        Archive archive = open(ZSTD);
        store.delete("walrelay-archive");
        assertThrows(IOException.class, () -> archive.has(segment(ONE, 1)));
        assertThrows(IOException.class, () -> fetch(archive, segment(ONE, 1)));
        assertThrows(IOException.class, archive::lineages);
        assertThrows(IOException.class, () -> put(archive, segment(ONE, 1), random(1, 10)));
        assertEquals(List.of(), store.keys(), "nothing was put");
        String known = archive.id();
        IOException e = assertThrows(IOException.class, () -> Archive.open(store, ZSTD, new SystemId(7), spool, Optional.of(known)));
        assertEquals("memory: is no archive: it has no walrelay-archive; is it mounted?", e.getMessage());
        assertFalse(store.keys().contains("walrelay-archive"), "and none is made in its place");
    }

    @Test
    void anotherArchiveThanTheKnownOneIsRefused() throws IOException {
        open(ZSTD);
        IOException e = assertThrows(IOException.class, () -> Archive.open(store, ZSTD, new SystemId(7), spool, Optional.of("other")));
        assertTrue(String.valueOf(e.getMessage()).contains("expected archive other"), e.getMessage());
    }

    @Test
    void aDamagedObjectIsNamed() throws IOException {
        Archive archive = open(ZSTD);
        put(archive, segment(ONE, 1), random(1, 1 << 20));
        String key = store.keys().stream().filter(k -> k.endsWith("000000010000000000000001")).findFirst().orElseThrow();
        byte[] bytes = store.bytes(key);
        bytes[bytes.length / 2] ^= 1;
        store.damage(key, bytes);
        DamagedObjectException e = assertThrows(DamagedObjectException.class, () -> fetch(archive, segment(ONE, 1)));
        assertTrue(String.valueOf(e.getMessage()).startsWith("memory:/" + key + " is damaged: "), e.getMessage());
    }

    @Test
    void clustersShareAnArchiveAndMeetNowhere() throws IOException {
        Archive seven = open(ZSTD);
        Archive eight = Archive.open(store, ZSTD, new SystemId(8), spool, Optional.of(seven.id()));
        put(seven, segment(ONE, 1), random(1, 100));
        assertFalse(eight.has(segment(ONE, 1)));
        assertInstanceOf(Archive.Put.Stored.class, put(eight, segment(ONE, 1), random(2, 100)));
        assertEquals(List.of(new SystemId(7), new SystemId(8)), Archive.systems(store));
        List<String> keys = new ArrayList<>();
        eight.list(ONE.directoryName(), listed -> keys.add(listed.key()));
        assertEquals(List.of("8/1@0_0-6b86b273/0000000100000000/000000010000000000000001"), keys);
    }
}
