package io.walrelay.wal.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.wal.format.FileChange.DatabaseCopied;
import io.walrelay.wal.format.FileChange.DatabaseCreated;
import io.walrelay.wal.format.FileChange.DatabaseDropped;
import io.walrelay.wal.format.FileChange.RelationCreated;
import io.walrelay.wal.format.FileChange.RelationMapUpdated;
import io.walrelay.wal.format.FileChange.RelationTruncated;
import io.walrelay.wal.format.FileChange.TablespaceCreated;
import io.walrelay.wal.format.FileChange.TablespaceDropped;
import io.walrelay.wal.format.FileChange.Unknown;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class FileChangesTest {

    private static final int STORAGE = 2;
    private static final int DATABASE = 4;
    private static final int TABLESPACE = 5;
    private static final int RELATION_MAP = 7;

    private static final String RELATION = "7f060000 05000000 00400000";
    private static final RelationFile FILE = new RelationFile(1663, 5, 16_384);

    private static FileChange change(WalVersion version, RecordCraft craft) throws MalformedRecordException {
        WalRecord record = craft.read(version);
        assertTrue(RecordBodies.mayKnow(record.resourceManager(), record.info()), "passed over");
        return (FileChange) RecordBodies.of(record).orElseThrow();
    }

    @ParameterizedTest
    @EnumSource(WalVersion.class)
    void relationsAreCreatedAndTruncated(WalVersion version) throws Exception {
        assertEquals(new RelationCreated(FILE, 0), change(version, new RecordCraft(STORAGE, 0x11).main(RELATION + "00000000")));
        assertEquals(new RelationCreated(FILE, 3), change(version, new RecordCraft(STORAGE, 0x11).main(RELATION + "03000000")));
        assertThrows(MalformedRecordException.class, () -> change(version, new RecordCraft(STORAGE, 0x11).main(RELATION + "04000000")));
        assertThrows(MalformedRecordException.class, () -> change(version, new RecordCraft(STORAGE, 0x11).main(RELATION + "FFFFFFFF")));
        assertEquals(new RelationTruncated(FILE, 9, true, true, true), change(version, new RecordCraft(STORAGE, 0x21).main("09000000" + RELATION + "07000000")));
        assertEquals(new RelationTruncated(FILE, 0, true, false, false), change(version, new RecordCraft(STORAGE, 0x21).main("00000000" + RELATION + "01000000")));
        assertEquals(new RelationTruncated(FILE, 0, false, true, false), change(version, new RecordCraft(STORAGE, 0x21).main("00000000" + RELATION + "02000000")));
        assertEquals(new RelationTruncated(FILE, -1, false, false, true), change(version, new RecordCraft(STORAGE, 0x21).main("FFFFFFFF" + RELATION + "04000000")));
    }

    @ParameterizedTest
    @EnumSource(WalVersion.class)
    void databasesAreMadeAndDroppedAsTheirVersionSays(WalVersion version) throws Exception {
        //                                                              database tablespace source's: database tablespace
        RecordCraft copy = new RecordCraft(DATABASE, 0x01).main("00400000 7f060000 01000000 80060000");
        assertEquals(new DatabaseCopied(1663, 16_384, 1664, 1), change(version, copy));
        RecordCraft dropped = new RecordCraft(DATABASE, version.major() < 15 ? 0x11 : 0x21).main("00400000 02000000 7f060000 01400000");
        assertEquals(new DatabaseDropped(16_384, List.of(1663, 16_385)), change(version, dropped));
        RecordCraft kind20 = new RecordCraft(DATABASE, 0x20).main("00400000 00000000");
        assertEquals(version.major() < 15 ? new Unknown(DATABASE, 0x20) : new DatabaseDropped(16_384, List.of()), change(version, kind20));
        RecordCraft kind10 = new RecordCraft(DATABASE, 0x11).main("00400000 00000000");
        assertEquals(version.major() < 15 ? new DatabaseDropped(16_384, List.of()) : new DatabaseCreated(0, 16_384), change(version, kind10));
        RecordCraft tooMany = new RecordCraft(DATABASE, version.major() < 15 ? 0x11 : 0x21).main("00400000 02000000 7f060000 014000");
        assertThrows(MalformedRecordException.class, () -> change(version, tooMany));
    }

    @ParameterizedTest
    @EnumSource(WalVersion.class)
    void tablespacesAndRelationMaps(WalVersion version) throws Exception {
        assertEquals(new TablespaceCreated(16_384, "/tmp/t"), change(version, new RecordCraft(TABLESPACE, 0x00).main("00400000 2F746D702F7400")));
        assertEquals(new TablespaceCreated(16_384, ""), change(version, new RecordCraft(TABLESPACE, 0x00).main("00400000 00")));
        assertThrows(MalformedRecordException.class, () -> change(version, new RecordCraft(TABLESPACE, 0x00).main("00400000 2F746D70")));
        assertEquals(new TablespaceDropped(16_384), change(version, new RecordCraft(TABLESPACE, 0x10).main("00400000")));
        assertEquals(new RelationMapUpdated(1663, 5), change(version, new RecordCraft(RELATION_MAP, 0x00).main("05000000 7f060000 00020000")));
        assertEquals(new RelationMapUpdated(1664, 0), change(version, new RecordCraft(RELATION_MAP, 0x00).main("00000000 80060000 00020000")));
    }

    @ParameterizedTest
    @CsvSource({"2, 31", "4, 31", "5, 20", "7, 10", "22, 00", "127, 10", "128, 00", "255, F0", "10, 01", "0, B1"})
    void whatNobodyKnowsIsSaidToBeUnknown(int resourceManager, String info) throws Exception {
        int kind = Integer.parseInt(info, 16);
        assertEquals(new Unknown(resourceManager, kind), change(WalVersion.V18, new RecordCraft(resourceManager, kind).main("0102030405")));
    }

    @Test
    void whatTheReferencesSayAllOfIsNoneOfThese() throws Exception {
        for (int manager : new int[] {3, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}) {
            assertEquals(Optional.empty(), RecordBodies.of(new RecordCraft(manager, 0x00).main("0102030405060708").read(WalVersion.V17)));
        }
    }

    @ParameterizedTest
    @CsvSource({"2, 11", "2, 21", "4, 01", "4, 21", "5, 00", "5, 10", "7, 00"})
    void whatIsTooShortIsRefused(int resourceManager, String info) {
        RecordCraft record = new RecordCraft(resourceManager, Integer.parseInt(info, 16)).main("000040");
        assertThrows(MalformedRecordException.class, () -> change(WalVersion.V18, record));
    }
}
