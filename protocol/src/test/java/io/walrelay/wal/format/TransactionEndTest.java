package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TransactionEndTest {

    private static final Lsn START = Lsn.parse("0/1000000");

    private static Optional<TransactionEnd> read(int manager, int info, byte[] payload) throws IOException {
        WalCraft wal = WalCraft.begin(new SegmentSize(1 << 20), new SystemId(7), START, 1).record(manager, info, payload);
        WalReader reader = WalReader.open(wal.source(), wal.identity(), START);
        assertEquals(true, reader.next());
        return TransactionEnd.of(reader);
    }

    /**
     * As pg_waldump shows them: header of the main data, then xact_time.
     */
    @ParameterizedTest
    @CsvSource({
        "00, ff08 0102030405060708, true", // COMMIT
        "80, ff0c 0102030405060708 00000000, true", // COMMIT with more
        "20, ff08 0102030405060708, false", // ABORT
        "a0, ff0c 0102030405060708 00000000, false",
        "30, ff08 0102030405060708, true", // COMMIT PREPARED
        "c0, ff08 0102030405060708, false", // ABORT PREPARED with more
        "00, fd0100 ff08 0102030405060708, true", // an origin
        "00, fc11000000 ff08 0102030405060708, true", // a top-level xid
        "00, fd0100 fc11000000 ff08 0102030405060708, true",
        "00, fe08000000 0102030405060708, true", // many subtransactions make the long form
    })
    void readsTheTimeOfAnEnd(String info, String payload, boolean committed) throws IOException {
        byte[] bytes = HexFormat.of().parseHex(payload.replace(" ", ""));
        assertEquals(Optional.of(new TransactionEnd(committed, 0x0807060504030201L)), read(1, Integer.parseInt(info, 16), bytes));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 10, ff08 0102030405060708", // PREPARE
        "1, 50, ff08 0102030405060708", // ASSIGNMENT
        "1, 60, ff08 0102030405060708", // INVALIDATIONS
        "0, 00, ff08 0102030405060708", // a checkpoint
        "10, 00, ff08 0102030405060708",
        "1, 00, ff04 01020304", // too short for a time
        "1, 00, fd0100", // an origin and nothing else
        "1, 00, 0000 0000", // a block
    })
    void passesOverOthers(int manager, String info, String payload) throws IOException {
        assertEquals(Optional.empty(), read(manager, Integer.parseInt(info, 16), HexFormat.of().parseHex(payload.replace(" ", ""))));
    }

    @Test
    void noShorterRecordIsReadPastItsEnd() throws IOException {
        byte[] all = HexFormat.of().parseHex("fd0100fc11000000ff080102030405060708");
        for (int length = 0; length < all.length; length++) {
            assertEquals(Optional.empty(), read(1, 0, Arrays.copyOf(all, length)), "of %d bytes".formatted(length));
        }
    }
}
