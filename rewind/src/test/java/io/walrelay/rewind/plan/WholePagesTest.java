package io.walrelay.rewind.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.rewind.datadir.RefusedException;
import io.walrelay.rewind.datadir.RelationPath;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class WholePagesTest {

    private static final int DATABASE = 4;
    private static final int HEAP = 10;
    private static final int EXTENSION = 128;

    private static final int WILL_INIT = 0x40;
    private static final int HAS_IMAGE = 0x10;

    /** xlogrecord.h of 15 */
    private static final int APPLY = 0x02;

    private final WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), Lsn.parse("0/1000000"), 3);

    private void change(int flags, int database, int block) {
        ByteBuffer body = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 0).put((byte) flags).putShort((short) 0).putInt(1663).putInt(database).putInt(16384).putInt(block);
        wal.record(HEAP, 0, body.array());
    }

    /** A whole page without a hole. */
    private void image(int imageFlags, int database, int block) {
        ByteBuffer body = ByteBuffer.allocate(25 + 8192).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 0).put((byte) HAS_IMAGE).putShort((short) 0).putShort((short) 8192).putShort((short) 0).put((byte) imageFlags);
        body.putInt(1663).putInt(database).putInt(16384).putInt(block);
        wal.record(HEAP, 0, body.array());
    }

    private void copyDatabase(int from) {
        ByteBuffer body = ByteBuffer.allocate(18).order(ByteOrder.LITTLE_ENDIAN);
        body.put((byte) 255).put((byte) 16).putInt(99).putInt(1663).putInt(from).putInt(1663);
        wal.record(DATABASE, 0, body.array());
    }

    private List<Integer> whole(Lsn from, int database) throws IOException, RefusedException {
        WholePages pages = WholePages.read(wal.source(), wal.identity(), from, 1_000);
        assertEquals(wal.end(), pages.end());
        BitSet blocks = pages.blocks().of(new RelationPath(new RelationFile(1663, database, 16384), 0));
        return blocks.stream().boxed().toList();
    }

    @Test
    void itIsTheFirstChangeThatCounts() throws IOException, RefusedException {
        change(WILL_INIT, 5, 1);
        change(0, 5, 2);
        image(APPLY, 5, 2);
        image(APPLY, 5, 3);
        change(0, 5, 3);
        // wal_consistency_checking adds an image that nobody applies.
        image(0, 5, 4);
        // Visibility map.
        change(WILL_INIT | 2, 5, 5);
        assertEquals(List.of(1, 3), whole(wal.start(), 5));
    }

    /** full_page_writes was on before the replay start, or after it: only what is replayed counts. */
    @Test
    void itCountsFromTheReplayStart() throws IOException, RefusedException {
        image(APPLY, 5, 1);
        Lsn from = wal.end();
        change(0, 5, 1);
        image(APPLY, 5, 1);
        image(APPLY, 5, 2);
        assertEquals(List.of(2), whole(from, 5));
    }

    @Test
    void aDatabaseThatIsCopiedAsFilesIsReadWholeThen() throws IOException, RefusedException {
        image(APPLY, 5, 1);
        copyDatabase(5);
        image(APPLY, 5, 2);
        image(APPLY, 6, 2);
        assertEquals(List.of(1), whole(wal.start(), 5));
        assertEquals(List.of(2), whole(wal.start(), 6));
    }

    @Test
    void afterWhatAnExtensionDoesNothingIsLeftOut() throws IOException, RefusedException {
        image(APPLY, 5, 1);
        wal.record(EXTENSION, 0, new byte[0]);
        image(APPLY, 5, 2);
        assertEquals(List.of(1), whole(wal.start(), 5));
    }

    /** What was too much to be merged at once comes in several parts. */
    @Test
    void ofWhatSomebodyElseHasReadTheFirstOfABlockCounts() {
        RelationFile relation = new RelationFile(1663, 5, 16384);
        MergedChanges changes = new MergedChanges(
                List.of(
                        new MergedChanges.Blocks(relation, 998, 4, true),
                        new MergedChanges.Blocks(relation, 1_010, 1, false),
                        new MergedChanges.Blocks(relation, 1_000, 100, true),
                        new MergedChanges.Blocks(relation, 999, 1, false)),
                List.of(),
                wal.end());
        WholePages pages = WholePages.of(changes, wal.start(), 1_000);
        assertEquals(List.of(998, 999), pages.blocks().of(new RelationPath(relation, 0)).stream().boxed().toList());
        BitSet second = new BitSet();
        second.set(0, 100);
        second.clear(10);
        assertEquals(second, pages.blocks().of(new RelationPath(relation, 1)));
        assertEquals(wal.end(), pages.end());
    }

    @Test
    void changesThatEndBeforeTheyBeginAreNone() {
        MergedChanges changes = new MergedChanges(List.of(), List.of(), wal.start());
        assertThrows(IllegalArgumentException.class, () -> WholePages.of(changes, wal.start().plus(8), 1_000));
    }

    @Test
    void aLogThatTheServerCouldNotReplayIsRefused() {
        change(0, 5, 1);
        change(0, 5, 2);
        wal.corrupt(wal.recordStarts().get(1).plus(30));
        assertThrows(RefusedException.class, () -> whole(wal.start(), 5));
    }
}
