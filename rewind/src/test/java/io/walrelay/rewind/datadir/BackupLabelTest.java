package io.walrelay.rewind.datadir;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import java.time.ZonedDateTime;
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
        BackupLabel expected = new BackupLabel(
                Lsn.parse("0/2000028"), new TimelineId(2), Optional.of(Lsn.parse("0/2000060")), "streamed", "weekly base backup");
        assertEquals(Optional.of(expected), BackupLabel.parse(LABEL));
    }

    @Test
    void whatARewindWritesIsReadBack() {
        String text = BackupLabel.replayFrom(
                Lsn.parse("0/2000028"), new TimelineId(2), Lsn.parse("0/2000060"), SegmentSize.DEFAULT, ZonedDateTime.parse("2026-11-28T20:15:00Z"));

        assertEquals(
                """
                START WAL LOCATION: 0/2000028 (file 000000020000000000000002)
                CHECKPOINT LOCATION: 0/2000060
                BACKUP METHOD: pg_rewind
                BACKUP FROM: standby
                START TIME: 2026-11-28 20:15:00 Z
                """,
                text);
        assertEquals(
                Optional.of(new BackupLabel(Lsn.parse("0/2000028"), new TimelineId(2), Optional.of(Lsn.parse("0/2000060")), "pg_rewind", "")),
                BackupLabel.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "START WAL LOCATION: 0/2000028\n", "LABEL: a\nSTART TIMELINE: 1\n", "START WAL LOCATION: x (file 000000020000000000000002)\n"})
    void anotherFileIsNone(String text) {
        assertEquals(Optional.empty(), BackupLabel.parse(text));
    }
}
