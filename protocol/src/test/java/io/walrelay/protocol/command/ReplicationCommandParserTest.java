package io.walrelay.protocol.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.walrelay.protocol.command.ReplicationCommand.AlterSlot;
import io.walrelay.protocol.command.ReplicationCommand.CreatePhysicalSlot;
import io.walrelay.protocol.command.ReplicationCommand.DropSlot;
import io.walrelay.protocol.command.ReplicationCommand.IdentifySystem;
import io.walrelay.protocol.command.ReplicationCommand.Option;
import io.walrelay.protocol.command.ReplicationCommand.ReadSlot;
import io.walrelay.protocol.command.ReplicationCommand.ReadTimelineHistory;
import io.walrelay.protocol.command.ReplicationCommand.ServerOnly;
import io.walrelay.protocol.command.ReplicationCommand.Show;
import io.walrelay.protocol.command.ReplicationCommand.Sql;
import io.walrelay.protocol.command.ReplicationCommand.StartPhysical;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReplicationCommandParserTest {

    private static StartPhysical start(String slot, String lsn, int timeline) {
        return new StartPhysical(
                Optional.of(slot).filter(s -> !s.isEmpty()),
                Lsn.parse(lsn),
                timeline == 0 ? Optional.empty() : Optional.of(new TimelineId(timeline)));
    }

    static Stream<Arguments> whatRealClientsSend() {
        return Stream.of(
                // libpqwalreceiver.c, 13 to 18
                Arguments.of("IDENTIFY_SYSTEM", new IdentifySystem()),
                Arguments.of("TIMELINE_HISTORY 2", new ReadTimelineHistory(new TimelineId(2))),
                Arguments.of("START_REPLICATION 0/3000000 TIMELINE 1", start("", "0/3000000", 1)),
                Arguments.of("START_REPLICATION SLOT \"s1\" 16/B374D848 TIMELINE 3", start("s1", "16/B374D848", 3)),
                Arguments.of(
                        "CREATE_REPLICATION_SLOT \"pg_walreceiver_4711\" TEMPORARY PHYSICAL RESERVE_WAL",
                        new CreatePhysicalSlot("pg_walreceiver_4711", true, true)),
                Arguments.of(
                        "CREATE_REPLICATION_SLOT \"pg_walreceiver_4711\" TEMPORARY PHYSICAL (RESERVE_WAL)",
                        new CreatePhysicalSlot("pg_walreceiver_4711", true, true)),
                Arguments.of(
                        "CREATE_REPLICATION_SLOT \"sub\" LOGICAL pgoutput (FAILOVER, SNAPSHOT 'nothing')",
                        new ServerOnly(
                                "CREATE_REPLICATION_SLOT LOGICAL",
                                "CREATE_REPLICATION_SLOT \"sub\" LOGICAL pgoutput (FAILOVER, SNAPSHOT 'nothing')")),
                Arguments.of(
                        "START_REPLICATION SLOT \"sub\" LOGICAL 0/0 (proto_version '4', publication_names '\"p\"')",
                        new ServerOnly(
                                "START_REPLICATION LOGICAL",
                                "START_REPLICATION SLOT \"sub\" LOGICAL 0/0 (proto_version '4', publication_names '\"p\"')")),
                Arguments.of(
                        "ALTER_REPLICATION_SLOT \"s\" ( FAILOVER true, TWO_PHASE false );",
                        new AlterSlot(
                                "s",
                                List.of(
                                        new Option("failover", Optional.of("true")),
                                        new Option("two_phase", Optional.of("false"))))),
                // streamutil.c, receivelog.c: pg_receivewal and pg_basebackup
                Arguments.of("SHOW wal_segment_size", new Show("wal_segment_size")),
                Arguments.of("SHOW data_directory_mode", new Show("data_directory_mode")),
                Arguments.of("CREATE_REPLICATION_SLOT \"s\" PHYSICAL RESERVE_WAL", new CreatePhysicalSlot("s", false, true)),
                Arguments.of("CREATE_REPLICATION_SLOT \"s\" PHYSICAL (RESERVE_WAL)", new CreatePhysicalSlot("s", false, true)),
                Arguments.of("CREATE_REPLICATION_SLOT \"s\" TEMPORARY PHYSICAL", new CreatePhysicalSlot("s", true, false)),
                Arguments.of("DROP_REPLICATION_SLOT \"s\"", new DropSlot("s", false)),
                Arguments.of("READ_REPLICATION_SLOT s", new ReadSlot("s")),
                Arguments.of("START_REPLICATION SLOT \"s\" 0/3000000 TIMELINE 1", start("s", "0/3000000", 1)),
                Arguments.of("UPLOAD_MANIFEST", new ServerOnly("UPLOAD_MANIFEST", "UPLOAD_MANIFEST")),
                Arguments.of(
                        "BASE_BACKUP LABEL 'pg_basebackup base backup' PROGRESS FAST NOWAIT TABLESPACE_MAP MANIFEST 'yes'",
                        new ServerOnly(
                                "BASE_BACKUP",
                                "BASE_BACKUP LABEL 'pg_basebackup base backup' PROGRESS FAST NOWAIT TABLESPACE_MAP MANIFEST 'yes'")),
                Arguments.of(
                        "BASE_BACKUP ( LABEL 'pg_basebackup base backup', PROGRESS, CHECKPOINT 'fast', TARGET 'client')",
                        new ServerOnly(
                                "BASE_BACKUP",
                                "BASE_BACKUP ( LABEL 'pg_basebackup base backup', PROGRESS, CHECKPOINT 'fast', TARGET 'client')")));
    }

    static Stream<Arguments> whatPeopleType() {
        return Stream.of(
                Arguments.of("\t IDENTIFY_SYSTEM\r\n ; ", new IdentifySystem()),
                Arguments.of("identify_system;", new IdentifySystem()),
                Arguments.of("Show \"Wal_Segment_Size\"", new Show("Wal_Segment_Size")),
                Arguments.of("SHOW Wal_Segment_Size", new Show("wal_segment_size")),
                Arguments.of("SHOW a.\"B\".c", new Show("a.B.c")),
                Arguments.of("START_REPLICATION PHYSICAL 0/3000000", start("", "0/3000000", 0)),
                Arguments.of("start_replication slot s physical a/b timeline 4294967295", start("s", "A/B", -1)),
                Arguments.of("START_REPLICATION SLOT slot 0/0", start("slot", "0/0", 0)),
                Arguments.of("START_REPLICATION SLOT \"SLOT\" 0/0", start("SLOT", "0/0", 0)),
                Arguments.of("START_REPLICATION SLOT \"a b\"\"c\"PHYSICAL 0/0", start("a b\"c", "0/0", 0)),
                Arguments.of("TIMELINE_HISTORY 00000000000000000000012", new ReadTimelineHistory(new TimelineId(12))),
                Arguments.of("CREATE_REPLICATION_SLOT Ab PHYSICAL", new CreatePhysicalSlot("ab", false, false)),
                Arguments.of("CREATE_REPLICATION_SLOT wait PHYSICAL", new CreatePhysicalSlot("wait", false, false)),
                Arguments.of("CREATE_REPLICATION_SLOT Ä PHYSICAL", new CreatePhysicalSlot("Ä", false, false)),
                Arguments.of(
                        "CREATE_REPLICATION_SLOT s temporary physical reserve_wal",
                        new CreatePhysicalSlot("s", true, true)),
                Arguments.of("CREATE_REPLICATION_SLOT s PHYSICAL (RESERVE_WAL true)", new CreatePhysicalSlot("s", false, true)),
                Arguments.of("CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal 'OFF')", new CreatePhysicalSlot("s", false, false)),
                Arguments.of("CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal 0);", new CreatePhysicalSlot("s", false, false)),
                Arguments.of("CREATE_REPLICATION_SLOT s PHYSICAL (\"reserve_wal\" \"on\")", new CreatePhysicalSlot("s", false, true)),
                Arguments.of("DROP_REPLICATION_SLOT s WAIT;", new DropSlot("s", true)),
                Arguments.of("DROP_REPLICATION_SLOT wait wait", new DropSlot("wait", true)),
                Arguments.of("READ_REPLICATION_SLOT a.b", new ReadSlot("a.b")));
    }

    @ParameterizedTest
    @MethodSource({"whatRealClientsSend", "whatPeopleType"})
    void reads(String text, ReplicationCommand expected) {
        assertEquals(expected, ReplicationCommandParser.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", ";", "SELECT 1", "SHOWER x", "-- x\nIDENTIFY_SYSTEM", "\"SHOW\" x", "(SHOW x)", "1", "0/0", "IDENTIFY_SYSTEM2",
        "select 'unterminated", "SLOT", "PHYSICAL", "$1"
    })
    void takesEverythingElseForSql(String text) {
        assertEquals(new Sql(text), ReplicationCommandParser.parse(text));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            IDENTIFY_SYSTEM x            | Unexpected input at or near x; expected the end of the command.
            IDENTIFY_SYSTEM;;            | Unexpected input at or near ;; expected the end of the command.
            SHOW                         | Unexpected input at the end; expected a parameter name.
            SHOW 'x'                     | Unexpected input at or near 'x'; expected a parameter name.
            SHOW a.                      | Unexpected input at the end; expected a name after the dot.
            SHOW TIMELINE                | Unexpected input at or near TIMELINE; expected a parameter name.
            TIMELINE_HISTORY x           | Unexpected input at or near x; expected the number of a timeline.
            TIMELINE_HISTORY -1          | Unexpected input at or near -; expected the number of a timeline.
            TIMELINE_HISTORY 1 2         | Unexpected input at or near 2; expected the end of the command.
            START_REPLICATION            | Unexpected input at the end; expected PHYSICAL or a position like 0/3000000.
            START_REPLICATION 0          | Unexpected input at or near 0; expected PHYSICAL or a position like 0/3000000.
            START_REPLICATION 0/         | Unexpected input at or near 0; expected PHYSICAL or a position like 0/3000000.
            START_REPLICATION 0 / 0      | Unexpected input at or near 0; expected PHYSICAL or a position like 0/3000000.
            START_REPLICATION 0/G        | Unexpected input at or near 0; expected PHYSICAL or a position like 0/3000000.
            START_REPLICATION LOGICAL 0/0 | Unexpected input at or near LOGICAL; expected PHYSICAL or a position like 0/3000000.
            START_REPLICATION SLOT 's' 0/0 | Unexpected input at or near 's'; expected a slot name.
            START_REPLICATION SLOT TIMELINE 0/0 | Unexpected input at or near TIMELINE; expected a slot name.
            START_REPLICATION 0/0 TIMELINE | Unexpected input at the end; expected the number of a timeline.
            START_REPLICATION 0/0 (x)    | Unexpected input at or near (; expected the end of the command.
            CREATE_REPLICATION_SLOT      | Unexpected input at the end; expected a slot name.
            CREATE_REPLICATION_SLOT s    | Unexpected input at the end; expected TEMPORARY, PHYSICAL or LOGICAL.
            CREATE_REPLICATION_SLOT s TEMPORARY x | Unexpected input at or near x; expected PHYSICAL or LOGICAL.
            CREATE_REPLICATION_SLOT s PHYSICAL x | Unexpected input at or near x; expected RESERVE_WAL, an option list or the end.
            CREATE_REPLICATION_SLOT s PHYSICAL () | Unexpected input at or near ); expected an option name.
            CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal | Unexpected input at the end; expected ',' or ')'.
            CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal,) | Unexpected input at or near ); expected an option name.
            CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal WAIT) | Unexpected input at or near WAIT; expected an option value, ',' or ')'.
            CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal) x | Unexpected input at or near x; expected the end of the command.
            DROP_REPLICATION_SLOT s NOW  | Unexpected input at or near NOW; expected the end of the command.
            ALTER_REPLICATION_SLOT s     | Unexpected input at the end; expected an option list in parentheses.
            READ_REPLICATION_SLOT        | Unexpected input at the end; expected a slot name.
            """)
    void refusesASyntaxErrorAndSaysWhatWasExpected(String text, String detail) {
        CommandError error = assertThrows(CommandError.class, () -> ReplicationCommandParser.parse(text));
        assertEquals("42601", error.diagnostic().sqlState());
        assertEquals("syntax error", error.diagnostic().message());
        assertEquals("ERROR", error.diagnostic().severity());
        assertEquals(Optional.of(detail), error.diagnostic().detail());
    }

    /** Codes and words as PostgreSQL 15 gave them for the same commands, but for the two that it takes modulo 2^32. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            CREATE_REPLICATION_SLOT s PHYSICAL (foo)                      | XX000 | unrecognized option: foo
            CREATE_REPLICATION_SLOT s PHYSICAL ("RESERVE_WAL" 'on')       | XX000 | unrecognized option: RESERVE_WAL
            CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal, reserve_wal) | 42601 | conflicting or redundant options
            CREATE_REPLICATION_SLOT s PHYSICAL RESERVE_WAL RESERVE_WAL    | 42601 | conflicting or redundant options
            CREATE_REPLICATION_SLOT s PHYSICAL TWO_PHASE                  | 42601 | conflicting or redundant options
            CREATE_REPLICATION_SLOT s PHYSICAL EXPORT_SNAPSHOT            | 42601 | conflicting or redundant options
            CREATE_REPLICATION_SLOT s PHYSICAL (SNAPSHOT 'nothing')       | 42601 | conflicting or redundant options
            CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal maybe)        | 42601 | reserve_wal requires a Boolean value
            CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal 2)            | 42601 | reserve_wal requires a Boolean value
            CREATE_REPLICATION_SLOT s PHYSICAL (reserve_wal '1')          | 42601 | reserve_wal requires a Boolean value
            ALTER_REPLICATION_SLOT s (reserve_wal)                        | XX000 | unrecognized option: reserve_wal
            ALTER_REPLICATION_SLOT s (failover, failover false)           | 42601 | conflicting or redundant options
            TIMELINE_HISTORY 0                                            | 42601 | invalid timeline 0
            START_REPLICATION 0/0 TIMELINE 0                              | 42601 | invalid timeline 0
            TIMELINE_HISTORY 4294967297                                   | 42601 | invalid timeline 4294967297
            START_REPLICATION 0/123456789                                 | 42601 | invalid streaming start location
            START_REPLICATION SLOT "x                                     | 42601 | unterminated quoted string
            SHOW 'x''                                                     | 42601 | unterminated quoted string
            'abc                                                          | 42601 | unterminated quoted string
            """)
    void refusesWithPostgresqlsCodeAndWords(String text, String sqlState, String message) {
        CommandError error = assertThrows(CommandError.class, () -> ReplicationCommandParser.parse(text));
        assertEquals(sqlState, error.diagnostic().sqlState());
        assertEquals(message, error.diagnostic().message());
    }

    @Test
    void doesNotRepeatALongCommandInItsError() {
        CommandError error = assertThrows(
                CommandError.class, () -> ReplicationCommandParser.parse("TIMELINE_HISTORY " + "9".repeat(200_000)));
        assertEquals("invalid timeline " + "9".repeat(100) + "…", error.diagnostic().message());
    }

    @Test
    void givesACommandOrACommandErrorForAnyMixOfTokens() {
        long seed = Long.getLong("walrelay.seed", System.nanoTime());
        Random random = new Random(seed);
        String[] pieces = {
            "START_REPLICATION", "CREATE_REPLICATION_SLOT", "SLOT", "PHYSICAL", "LOGICAL", "TIMELINE", "ALTER_REPLICATION_SLOT",
            "SHOW", "DROP_REPLICATION_SLOT", "0/0", "1", "s", "'s'", "\"s\"", "(", ")", ",", ";", ".", " ", "\"", "'", "\0", "é"
        };
        for (int round = 0; round < 50_000; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(10); i >= 0; i--) {
                text.append(pieces[random.nextInt(pieces.length)]).append(random.nextBoolean() ? " " : "");
            }
            try {
                ReplicationCommandParser.parse(text.toString());
            } catch (CommandError expected) {
                assertEquals("ERROR", expected.diagnostic().severity());
            } catch (RuntimeException e) {
                throw new AssertionError("-Dwalrelay.seed=%d: %s".formatted(seed, text), e);
            }
        }
    }
}
