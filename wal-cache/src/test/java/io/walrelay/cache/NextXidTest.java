package io.walrelay.cache;

import static io.walrelay.cache.Caches.ORIGIN;
import static io.walrelay.cache.Caches.SEGMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.format.WalCraft;
import io.walrelay.wal.format.WalIdentity;
import io.walrelay.wal.format.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The crafted log has transactions 700, 701, … with its records. */
class NextXidTest {

    private static final FullTransactionId EPOCH_3 = FullTransactionId.of(3, 5_000);

    private final NextXid nextXid = new NextXid();
    private final WalCraft wal = Caches.craft(1);

    private void read() throws IOException {
        byte[] bytes = wal.bytes();
        WalReader reader = WalReader.open(
                (at, into) -> {
                    int from = (int) Math.min(at.minus(ORIGIN), bytes.length);
                    int length = Math.min(into.remaining(), bytes.length - from);
                    into.put(ByteBuffer.wrap(bytes, from, length));
                    return length;
                },
                new WalIdentity(Caches.SYSTEM, SEGMENT, wal.history()),
                ORIGIN);
        while (reader.next()) {
            nextXid.saw(reader);
        }
    }

    @Test
    void isNotKnownBeforeThereWasATransaction() throws Exception {
        read();
        assertEquals(Optional.empty(), nextXid.get(List.of(EPOCH_3)));
    }

    @Test
    void takesTheEpochOfTheTimeWhileNoCheckpointSaidIt() throws Exception {
        wal.record(100).record(100);
        read();
        assertEquals(Optional.of(FullTransactionId.of(3, 702)), nextXid.get(List.of(EPOCH_3)));
        assertEquals(Optional.of(FullTransactionId.of(4, 702)), nextXid.get(List.of(FullTransactionId.of(3, -5))));
        assertEquals(Optional.empty(), nextXid.get(List.of(FullTransactionId.INVALID)));
    }

    /** One standby with a wrong epoch would else make all others too old to be reported, or what is reported too new. */
    @Test
    void takesTheEpochThatMostHaveItIn() throws Exception {
        wal.record(100).record(100);
        read();
        FullTransactionId later = FullTransactionId.of(9, 600);
        FullTransactionId earlier = FullTransactionId.of(1, 600);
        FullTransactionId other = FullTransactionId.of(3, 650);
        assertEquals(Optional.of(FullTransactionId.of(3, 702)), nextXid.get(List.of(later, EPOCH_3, other, earlier)));
        assertEquals(Optional.of(FullTransactionId.of(3, 702)), nextXid.get(List.of(EPOCH_3, earlier)), "of two with as many the later");
        assertEquals(Optional.of(FullTransactionId.of(3, 702)), nextXid.get(List.of(FullTransactionId.INVALID, EPOCH_3)));
    }

    @Test
    void isWhatACheckpointSaysAndGoesOnFromThere() throws Exception {
        wal.record(100);
        ReserveWalTest.checkpoint(wal, ReserveWalTest.CHECKPOINT_ONLINE, wal.end(), FullTransactionId.of(7, 701));
        read();
        assertEquals(Optional.of(FullTransactionId.of(7, 701)), nextXid.get(List.of(EPOCH_3)));
        wal.randomRecords(50, 500);
        read();
        assertEquals(Optional.of(FullTransactionId.of(7, 752)), nextXid.get(List.of(EPOCH_3)));
    }

    @Test
    void doesNotGoBackWithAnOlderTransaction() throws Exception {
        ReserveWalTest.checkpoint(wal, ReserveWalTest.CHECKPOINT_SHUTDOWN, wal.end(), FullTransactionId.of(7, 10_000));
        wal.randomRecords(50, 500);
        read();
        assertEquals(Optional.of(FullTransactionId.of(7, 10_000)), nextXid.get(List.of(EPOCH_3)));
    }

    @Test
    void goesOverIntoTheNextEpoch() throws Exception {
        ReserveWalTest.checkpoint(wal, ReserveWalTest.CHECKPOINT_SHUTDOWN, wal.end(), FullTransactionId.of(7, -10));
        wal.record(100);
        read();
        assertEquals(Optional.of(FullTransactionId.of(8, 702)), nextXid.get(List.of(EPOCH_3)));
    }

    @Test
    void isForgottenWithTheLogThatSaidIt() throws Exception {
        ReserveWalTest.checkpoint(wal, ReserveWalTest.CHECKPOINT_SHUTDOWN, wal.end(), FullTransactionId.of(7, 10_000));
        read();
        nextXid.forget();
        assertEquals(Optional.empty(), nextXid.get(List.of(EPOCH_3)));
    }
}
