package io.walrelay.rewind.datadir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.walrelay.wal.format.RelationFile;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RelationPathTest {

    private static final RelationPath.Names NAMES = new RelationPath.Names(15, 202209061);

    @Test
    void aMainForksFileHasOneName() {
        assertBothWays("base/5/16384", new RelationPath(new RelationFile(1663, 5, 16384), 0));
        assertBothWays("base/5/16384.12", new RelationPath(new RelationFile(1663, 5, 16384), 12));
        assertBothWays("global/1262", new RelationPath(new RelationFile(1664, 0, 1262), 0));
        assertBothWays("pg_tblspc/16400/PG_15_202209061/5/4294967295.1", new RelationPath(new RelationFile(16400, 5, -1), 1));
    }

    @Test
    void pathsAreEqualByTheirComponents() {
        RelationPath path = new RelationPath(new RelationFile(1663, 5, 16384), 1);
        assertEquals(path, new RelationPath(new RelationFile(1663, 5, 16384), 1));
        assertEquals(path.hashCode(), new RelationPath(new RelationFile(1663, 5, 16384), 1).hashCode());
        assertNotEquals(path, new RelationPath(new RelationFile(1663, 5, 16384), 2));
        assertNotEquals(path, new RelationPath(new RelationFile(1663, 5, 16385), 1));
    }

    private static void assertBothWays(String path, RelationPath relation) {
        assertEquals(Optional.of(relation), NAMES.parse(path));
        assertEquals(path, NAMES.of(relation.relation(), relation.segment()));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "base/5/16384_fsm", "base/5/16384_vm", "base/5/16384_init", "base/5/t3_16384", "base/5/16384.0", "base/5/016384", "base/5/16384.", "base/5/PG_VERSION",
        "base/5/pg_filenode.map", "global/pg_control", "pg_tblspc/16400/PG_14_202107181/5/16384", "pg_tblspc/16400", "base/16384", "xbase/5/16384", "base/5/16384/x"
    })
    void otherFilesAreNone(String path) {
        assertEquals(Optional.empty(), NAMES.parse(path));
    }
}
