package io.walrelay.cache;

import static io.walrelay.cache.Caches.MB;
import static io.walrelay.cache.Caches.ORIGIN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.CrashableStorage;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.WalCraft;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** A slot that is made for a new standby keeps what its base backup needs, and no more. */
class ReserveWalTest {

    private static final int RM_XLOG = 0;
    static final int CHECKPOINT_SHUTDOWN = 0x00;
    static final int CHECKPOINT_ONLINE = 0x10;

    private final CrashableStorage disk = new CrashableStorage();

    @Test
    void itBeginsAtTheRedoOfTheLastCheckpoint() throws Exception {
        WalCraft wal = Caches.craft(1).randomRecords(100, 9_000);
        checkpoint(wal, CHECKPOINT_SHUTDOWN, wal.end());
        Lsn redo = wal.randomRecords(300, 9_000).end();
        checkpoint(wal.randomRecords(300, 9_000), CHECKPOINT_ONLINE, redo);
        wal.randomRecords(600, 20_000).record(2 * MB).randomRecords(10, 100);
        assertEquals(redo, reservedBy(wal));
    }

    @Test
    void itBeginsWithAllThatIsHeldWhenThereWasNoCheckpoint() throws Exception {
        assertEquals(ORIGIN, reservedBy(Caches.craft(2).randomRecords(600, 20_000)));
    }

    @Test
    void aRedoThatIsHeldNoMoreCountsFromWhereWalIsHeld() throws Exception {
        WalCraft wal = Caches.craft(3);
        checkpoint(wal.randomRecords(10, 100), CHECKPOINT_ONLINE, ORIGIN.plus(-10 * MB));
        assertEquals(ORIGIN, reservedBy(wal.randomRecords(100, 9_000)));
    }

    @Test
    void itIsNotLostAtOnceOnARelayThatHoldsMoreThanASlotMay() throws Exception {
        WalCraft wal = Caches.craft(4).randomRecords(900, 20_000);
        checkpoint(wal, CHECKPOINT_ONLINE, wal.end());
        wal.randomRecords(10, 100);
        CacheSettings settings = new CacheSettings(MB, 1L << 40, Duration.ofHours(1), SlotLimits.upTo(2 * MB), false);
        try (WalCache cache = WalCache.create(Tiers.local(disk, settings), Caches.SYSTEM, Caches.SEGMENT, wal.history(), ORIGIN)) {
            Caches.append(cache, wal, ORIGIN, wal.end());
            cache.writer().publish();
            cache.writer().flush();
            cache.reservations().create("standby", false, true, 1);
            cache.retain(Instant.EPOCH);
            assertFalse(cache.slots().find("standby").orElseThrow().lost());
        }
    }

    private Lsn reservedBy(WalCraft wal) throws Exception {
        try (WalCache cache = Caches.create(disk, wal, ORIGIN)) {
            Caches.append(cache, wal, ORIGIN, wal.end());
            cache.writer().publish();
            cache.reservations().create("standby", false, true, 1);
            return cache.slots().find("standby").orElseThrow().restartLsn();
        }
    }

    private static void checkpoint(WalCraft wal, int kind, Lsn redo) {
        checkpoint(wal, kind, redo, FullTransactionId.of(0, 700));
    }

    /** xlogrecord.h: a short main data header, then CheckPoint, which begins with redo and the timelines and has 88 bytes. */
    static void checkpoint(WalCraft wal, int kind, Lsn redo, FullTransactionId nextXid) {
        ByteBuffer payload = ByteBuffer.allocate(2 + 88).order(ByteOrder.LITTLE_ENDIAN);
        payload.put((byte) 0xFF).put((byte) 88).putLong(redo.value()).putInt(1).putInt(1).putLong(2 + 24, nextXid.value());
        wal.record(RM_XLOG, kind, payload.array());
    }
}
