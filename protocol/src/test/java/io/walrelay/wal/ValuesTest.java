package io.walrelay.wal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.walrelay.wal.format.RelationFile;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Records whose equals is written out. */
class ValuesTest {

    /** None of which equals another. */
    private static List<Object> values() {
        return List.of(
                new Lsn(1), new Lsn(2), new Lsn(1L << 32 | 1),
                new TimelineId(1), new TimelineId(2),
                new SegmentSize(1 << 20), new SegmentSize(1 << 24),
                new SystemId(1), new SystemId(1L << 32 | 1),
                new RelationFile(1, 2, 3), new RelationFile(1, 2, 4), new RelationFile(1, 4, 3), new RelationFile(4, 2, 3), new RelationFile(2, 1, 3));
    }

    @Test
    void theyAreEqualByTheirComponents() {
        List<Object> values = values();
        assertEquals(values, values());
        assertEquals(values.size(), Set.copyOf(values).size());
        for (int i = 0; i < values.size(); i++) {
            assertEquals(values.get(i).hashCode(), values().get(i).hashCode());
            for (int j = 0; j < values.size(); j++) {
                if (i != j) {
                    assertNotEquals(values.get(i), values.get(j));
                }
            }
        }
    }
}
