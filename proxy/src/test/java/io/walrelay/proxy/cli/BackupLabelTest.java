package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BackupLabelTest {

    /** As PostgreSQL 15's pg_basebackup leaves it. */
    private static final String LABEL = """
            START WAL LOCATION: 0/2000028 (file 000000020000000000000002)
            CHECKPOINT LOCATION: 0/2000060
            BACKUP METHOD: streamed
            BACKUP FROM: primary
            START TIME: 2026-11-28 20:15:00 UTC
            LABEL: weekly base backup
            START TIMELINE: 2
            """;

    @Test
    void saysFromWhereABackupReplays() {
        assertEquals(Optional.of(new BackupLabel(Lsn.parse("0/2000028"), new TimelineId(2), "weekly base backup")), BackupLabel.parse(LABEL));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "START WAL LOCATION: 0/2000028\n", "LABEL: a\nSTART TIMELINE: 1\n"})
    void anotherFileIsNone(String text) {
        assertEquals(Optional.empty(), BackupLabel.parse(text));
    }
}
