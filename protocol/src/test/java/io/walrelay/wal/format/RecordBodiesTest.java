package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.RecordBody.Cause;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class RecordBodiesTest {

    private static final String RELATION = "7f060000 05000000 00400000";
    private static final RelationFile FILE = new RelationFile(1663, 5, 16_384);

    private static Optional<? extends RecordBody> body(WalVersion version, RecordCraft record) throws MalformedRecordException {
        WalRecord read = record.read(version);
        Optional<? extends RecordBody> body = RecordBodies.of(read);
        if (body.isPresent()) {
            assertTrue(RecordBodies.mayKnow(read.resourceManager(), read.info()), "passed over: " + body.get());
        }
        return body;
    }

    @ParameterizedTest
    @EnumSource(WalVersion.class)
    void parameterChangesAreOfOneFormInAllVersions(WalVersion version) throws Exception {
        //                                          connections workers  senders  prepared locks    wal_level  hints, timestamps
        RecordCraft record = new RecordCraft(0, 0x60).main("C8000000 08000000 0A000000 05000000 40000000 02000000 01 00");
        ServerParameters expected = new ServerParameters(200, 8, 10, 5, 64, WalLevel.LOGICAL, true, false);
        assertEquals(Optional.of(new RecordBody.ParameterChange(expected)), body(version, record));
    }

    @Test
    void aWalLevelThatNoVersionHasIsRefused() {
        RecordCraft record = new RecordCraft(0, 0x60).main("C8000000 08000000 0A000000 05000000 40000000 03000000 01 00");
        MalformedRecordException e = assertThrows(MalformedRecordException.class, () -> body(WalVersion.V18, record));
        assertEquals("record at 0/1000028: wal_level 3; expected 0 to 2", e.getMessage());
    }

    @ParameterizedTest
    @EnumSource(WalVersion.class)
    void checkpointsHaveTheNextTransactionWithItsEpoch(WalVersion version) throws Exception {
        //              redo             timeline previous full_page_writes, and what the padding has
        String redo = "2800000100000000 02000000 01000000 01FFFFFF ";
        String level = version.major() < 17 ? "00000000" : "01000000";
        String rest = " E903000002000000 00400000 01000000 00000000 D7020000 01000000 01000000 01000000 00000000 0011223344000000 00000000 00000000 E8030000";
        assertEquals(
                Optional.of(new RecordBody.Checkpoint(Lsn.parse("0/1000028"), false, TimelineId.of(2), TimelineId.of(1), true, new FullTransactionId((2L << 32) + 1_001), 0x4433221100L)),
                body(version, new RecordCraft(0, 0x10).main(redo + level + rest)));
        assertTrue(body(version, new RecordCraft(0, 0x00).main(redo + level + rest)).filter(b -> ((RecordBody.Checkpoint) b).shutdown()).isPresent());
        assertThrows(MalformedRecordException.class, () -> body(version, new RecordCraft(0, 0x10).main(redo + level)));
    }

    @ParameterizedTest
    @EnumSource(WalVersion.class)
    void runningTransactionsSayWhetherSomeAreMissing(WalVersion version) throws Exception {
        String counts = "02000000 01000000 ";
        String xids = " E9030000 E7030000 E8030000 E7030000 E6030000 E5030000";
        assertEquals(
                Optional.of(new RecordBody.RunningTransactions(2, 1, true, 1_001, 999, 1_000)),
                body(version, new RecordCraft(8, 0x10).main(counts + "01000000" + xids)));
        // What the padding has is nobody's business.
        assertEquals(
                Optional.of(new RecordBody.RunningTransactions(2, 1, false, 1_001, 999, 1_000)),
                body(version, new RecordCraft(8, 0x10).main(counts + "00FFFFFF" + xids)));
        assertThrows(MalformedRecordException.class, () -> body(version, new RecordCraft(8, 0x10).main(counts + "01000000")));
    }

    @ParameterizedTest
    @CsvSource({"00, true", "80, true", "20, false", "30, true", "B0, true", "40, false"})
    void endsOfTransactionsHaveTheirTime(String info, boolean committed) throws Exception {
        RecordCraft record = new RecordCraft(1, Integer.parseInt(info, 16)).main("0100000000000000 00000000");
        assertEquals(Optional.of(new RecordBody.TransactionEnd(committed, 1, List.of())), body(WalVersion.V15, record));
    }

    /** The bits say what follows the time: 1 a database, 2 subtransactions, 4 relations; 8 and up come after. */
    @ParameterizedTest
    @CsvSource({
        "80, 0D010000 05000000 7F060000 02000000 " + RELATION + " 7f060000 05000000 01400000 FFFFFFFF FFFFFFFF",
        "B0, 04000000 02000000 " + RELATION + " 7f060000 05000000 01400000",
        "A0, 06000000 03000000 E9030000 EA030000 EB030000 02000000 " + RELATION + " 7f060000 05000000 01400000",
        "C0, 07000000 05000000 7F060000 00000000 02000000 " + RELATION + " 7f060000 05000000 01400000",
    })
    void endsOfTransactionsHaveTheRelationsThatAreDropped(String info, String rest) throws Exception {
        for (WalVersion version : WalVersion.values()) {
            RecordCraft record = new RecordCraft(1, Integer.parseInt(info, 16)).main("0100000000000000" + rest);
            RecordBody.TransactionEnd end = (RecordBody.TransactionEnd) body(version, record).orElseThrow();
            assertEquals(List.of(FILE, new RelationFile(1663, 5, 16_385)), end.dropped());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "80, 04000000",
        "80, 04000000 01000000 7f060000 05000000 004000",
        "80, 04000000 FFFFFFFF " + RELATION,
        "80, 06000000 000000C0 01000000 " + RELATION,
        "80, 06000000 FFFFFF3F 01000000 " + RELATION,
        "80, 06000000 02000000 01000000 00000000",
    })
    void moreThanThereIsRoomForIsRefused(String info, String rest) {
        RecordCraft record = new RecordCraft(1, Integer.parseInt(info, 16)).main("0100000000000000" + rest);
        assertThrows(MalformedRecordException.class, () -> body(WalVersion.V15, record));
    }

    @Test
    void whatChangesAtAnEndOfRecovery() throws Exception {
        assertEquals(
                Optional.of(new RecordBody.EndOfRecovery(TimelineId.of(3), TimelineId.of(2), 1)),
                body(WalVersion.V18, new RecordCraft(0, 0x90).main("0100000000000000 03000000 02000000 01000000")));
        assertThrows(MalformedRecordException.class, () -> body(WalVersion.V13, new RecordCraft(0, 0x90).main("0100000000000000 00000000 02000000")));
        assertEquals(
                Optional.of(new RecordBody.OverwriteContrecord(Lsn.parse("0/1FFFF80"), 2)),
                body(WalVersion.V14, new RecordCraft(0, 0xD0).main("80FFFF0100000000 0200000000000000")));
        assertEquals(Optional.of(new RecordBody.FullPageWritesChange(false)), body(WalVersion.V15, new RecordCraft(0, 0x80).main("00")));
        assertEquals(Optional.of(new RecordBody.FullPageWritesChange(true)), body(WalVersion.V15, new RecordCraft(0, 0x80).main("01")));
    }

    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {
        // versions, resource manager, info, main data (B: after a block), cause, xid
        "13-16, 9, 10, E8030000 0100 0000 00,             HEAP_PRUNE,                 1000",
        "13-13, 9, 20, E8030000 0100,                     HEAP_FREEZE,                999",
        "13-13, 9, 20, 03000000 0100,                     HEAP_FREEZE,                4294967295",
        "13-13, 9, 20, 00000000 0100,                     -,                          0",
        "14-16, 9, 20, 0100,                              -,                          0",
        "14-15, 9, 30, E8030000 0100,                     HEAP_FREEZE,                999",
        "16-16, 9, 30, E8030000 0100 00,                  HEAP_FREEZE,                1000",
        "17-18, 9, 10, 00 0C E8030000,                    HEAP_PRUNE_ON_ACCESS,       1000",
        "17-18, 9, 20, 01 18 E8030000,                    HEAP_PRUNE_VACUUM_SCAN,     1000",
        "17-18, 9, 30, 02 88 E8030000,                    HEAP_PRUNE_VACUUM_CLEANUP,  1000",
        "17-18, 9, 30, 02 80,                             -,                          0",
        "13-18, 9, 40, E8030000 01,                       HEAP_VISIBLE,               1000",
        "13-18, 9, 40, 00000000 01,                       -,                          0",
        "13-18, 9, 40, 02000000 01,                       -,                          0",
        "13-18, 9, 50, 00000000 01,                       -,                          0",
        "13-18, 9, D0, 00000000 01,                       -,                          0",
        "13-18, 11, 70, E8030000 0100 0000 00,            BTREE_DELETE,               1000",
        "13-18, 11, C0, E8030000 0100 0000 00,            -,                          0",
        "13-18, 12, C0, E8030000 0100 0000,               HASH_VACUUM,                1000",
        "13-18, 14, 10, E8030000 0100 00,                 GIST_DELETE,                1000",
        "13-18, 14, 00, E8030000 0100 00,                 -,                          0",
        "13-18, 16, 80, 0100 0200 E8030000,               SPGIST_VACUUM,              1000",
        "13-18, 10, 10, E8030000 0100,                    -,                          0",
    })
    void removalsHaveTheirHorizonWhereTheirVersionPutsIt(String versions, int resourceManager, String info, String main, Cause cause, long xid) throws Exception {
        for (WalVersion version : WalVersion.values()) {
            RecordCraft record = new RecordCraft(resourceManager, Integer.parseInt(info, 16))
                    .headers("00 00 0000").headers(RELATION).headers("01000000").main(main);
            boolean meant = version.major() >= Integer.parseInt(versions, 0, 2, 10) && version.major() <= Integer.parseInt(versions, 3, 5, 10);
            if (meant) {
                Optional<RecordBody.Removal> expected = Optional.ofNullable(cause).map(c -> new RecordBody.Removal(c, FILE, (int) xid, Optional.empty()));
                assertEquals(expected, body(version, record), () -> version + " " + info);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(WalVersion.class)
    void pagesThatAreUsedAgainNameTheirRelationThemselves(WalVersion version) throws Exception {
        FullTransactionId full = new FullTransactionId((3L << 32) + 1_000);
        RecordCraft btree = new RecordCraft(11, 0xD0).main(RELATION + "09000000 E803000003000000 01");
        assertEquals(
                Optional.of(new RecordBody.Removal(Cause.BTREE_REUSE_PAGE, FILE, 1_000, version.major() == 13 ? Optional.empty() : Optional.of(full))),
                body(version, btree));
        RecordCraft gist = new RecordCraft(14, 0x20).main(RELATION + "09000000 E803000003000000");
        assertEquals(Optional.of(new RecordBody.Removal(Cause.GIST_REUSE_PAGE, FILE, 1_000, Optional.of(full))), body(version, gist));
    }

    @Test
    void thirteenSaysBeforeAVacuumWhatItWillRemove() throws Exception {
        RecordCraft record = new RecordCraft(9, 0x30).main(RELATION + "E8030000");
        assertEquals(Optional.of(new RecordBody.Removal(Cause.HEAP_CLEANUP_INFO, FILE, 1_000, Optional.empty())), body(WalVersion.V13, record));
    }

    @ParameterizedTest
    @CsvSource({"9, 10", "9, 40", "11, 70", "12, C0", "14, 10", "16, 80"})
    void aRemovalFromNoBlockIsRefused(int resourceManager, String info) {
        RecordCraft record = new RecordCraft(resourceManager, Integer.parseInt(info, 16)).main("000C E8030000 E8030000 00");
        assertThrows(MalformedRecordException.class, () -> body(WalVersion.V18, record));
    }

    @ParameterizedTest
    @CsvSource({"0, 60", "0, 10", "1, 00", "8, 10", "9, 10", "9, 40", "11, 70", "11, D0", "12, C0", "14, 10", "14, 20", "16, 80"})
    void whatIsTooShortIsRefused(int resourceManager, String info) {
        RecordCraft record = new RecordCraft(resourceManager, Integer.parseInt(info, 16))
                .headers("00 00 0000").headers(RELATION).headers("01000000").main("0C");
        for (WalVersion version : WalVersion.values()) {
            assertThrows(MalformedRecordException.class, () -> body(version, record), version.toString());
        }
    }

    @Test
    void mostRecordsArePassedOver() {
        assertFalse(RecordBodies.mayKnow(10, 0x00), "heap inserts");
        assertFalse(RecordBodies.mayKnow(11, 0x00), "btree inserts");
        assertFalse(RecordBodies.mayKnow(9, 0x50), "multi-inserts");
        assertFalse(RecordBodies.mayKnow(0, 0xB0), "images");
        assertFalse(RecordBodies.mayKnow(8, 0x00), "locks");
        assertFalse(RecordBodies.mayKnow(1, 0x50), "assignments");
        assertFalse(RecordBodies.mayKnow(0, 0xE0), "the beginnings of checkpoints");
        assertFalse(RecordBodies.mayKnow(10, 0x02), "what is to be compared");
    }
}
