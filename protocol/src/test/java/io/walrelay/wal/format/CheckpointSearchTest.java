package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class CheckpointSearchTest {

    private static final SegmentSize SIZE = new SegmentSize(1 << 20);
    private static final Lsn BEGIN = Lsn.parse("0/1000000");

    private final WalCraft wal = WalCraft.begin(WalVersion.V15, SIZE, new SystemId(7), TimelineHistory.root(TimelineId.of(1)), BEGIN, 1);

    private Lsn checkpoint(Lsn redo) {
        ByteBuffer payload = ByteBuffer.allocate(2 + 88).order(ByteOrder.LITTLE_ENDIAN);
        wal.record(0, 0x10, payload.put((byte) 255).put((byte) 88).putLong(redo.value()).putInt(1).putInt(1).array());
        return wal.recordStarts().getLast();
    }

    private CheckpointSearch.Outcome search(Lsn end) throws Exception {
        return new CheckpointSearch(wal.source(), wal.identity()).lastBefore(BEGIN, end);
    }

    private static void assertFound(Lsn at, Lsn redo, CheckpointSearch.Outcome outcome) {
        CheckpointSearch.Found found = assertInstanceOf(CheckpointSearch.Found.class, outcome);
        assertEquals(at, found.at());
        assertEquals(redo, found.checkpoint().redo());
    }

    /** One starts before the position or does not count: what begins at a fork is the other side's. */
    @Test
    void theLastThatStartsBeforeThePositionIsFound() throws Exception {
        Lsn first = checkpoint(wal.end());
        wal.randomRecords(300, 9_000);
        Lsn redo = wal.end();
        Lsn second = checkpoint(redo);
        wal.randomRecords(10, 500);
        assertFound(second, redo, search(wal.end()));
        assertFound(second, redo, search(second.plus(8)));
        assertInstanceOf(CheckpointSearch.Found.class, search(second));
        assertEquals(first, ((CheckpointSearch.Found) search(second)).at());
        assertEquals(new CheckpointSearch.None(), search(first));
    }

    @Test
    void aRecordOfSeveralSegmentsMayLieBetween() throws Exception {
        Lsn redo = wal.end();
        Lsn at = checkpoint(redo);
        wal.record(3 << 20).randomRecords(20, 100);
        assertFound(at, redo, search(wal.end()));
    }

    /** <pre>| first | second |         | third | end </pre> */
    @Test
    void whatIsKnownOfASegmentIsNotRead() throws Exception {
        Lsn first = checkpoint(wal.end());
        wal.record(SIZE.bytes());
        Lsn second = checkpoint(first);
        wal.record(2 * SIZE.bytes());
        Lsn third = checkpoint(second);
        Lsn empty = SIZE.endOf(second);
        WalSource whole = wal.source();
        Map<Lsn, CheckpointSearch.Known> known = Map.of(
                empty, new CheckpointSearch.Known(Optional.empty()), SIZE.startOf(second), new CheckpointSearch.Known(Optional.of(second)));
        WalSource read = (at, into) -> {
            assertNotEquals(empty, SIZE.startOf(at));
            return whole.read(at, into);
        };
        CheckpointSearch search = new CheckpointSearch(read, wal.identity(), start -> Optional.ofNullable(known.get(start)));
        assertFound(second, first, search.lastBefore(BEGIN, third));
        assertEquals(first, assertInstanceOf(CheckpointSearch.Found.class, search.lastBefore(BEGIN, second)).at());
    }

    @Test
    void aSegmentThatIsNotThereIsNoSegmentWithoutCheckpoint() throws Exception {
        checkpoint(wal.end());
        wal.randomRecords(6_000, 9_000);
        Lsn missing = SIZE.endOf(BEGIN);
        WalSource source = wal.source();
        WalSource holed = (at, into) -> SIZE.startOf(at).equals(missing) ? 0 : source.read(at, into);
        CheckpointSearch.Outcome outcome = new CheckpointSearch(holed, wal.identity()).lastBefore(BEGIN, wal.end());
        assertEquals(missing, assertInstanceOf(CheckpointSearch.Broken.class, outcome).end().at());
    }
}
