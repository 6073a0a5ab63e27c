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
import io.walrelay.protocol.command.ReplicationCommand.StartPhysical;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ReplicationCommandPrinterTest {

    static Stream<Arguments> commands() {
        Lsn start = Lsn.parse("0/3000000");
        return Stream.of(
                Arguments.of(new IdentifySystem(), 13, "IDENTIFY_SYSTEM"),
                Arguments.of(new Show("wal_segment_size"), 13, "SHOW wal_segment_size"),
                Arguments.of(new Show("my.Name"), 13, "SHOW my.\"Name\""),
                Arguments.of(new ReadTimelineHistory(new TimelineId(-1)), 13, "TIMELINE_HISTORY 4294967295"),
                Arguments.of(
                        new StartPhysical(Optional.empty(), start, Optional.empty()),
                        13,
                        "START_REPLICATION PHYSICAL 0/3000000"),
                Arguments.of(
                        new StartPhysical(Optional.of("s"), start, Optional.of(new TimelineId(2))),
                        18,
                        "START_REPLICATION SLOT \"s\" PHYSICAL 0/3000000 TIMELINE 2"),
                Arguments.of(
                        new CreatePhysicalSlot("s", false, true), 14, "CREATE_REPLICATION_SLOT \"s\" PHYSICAL RESERVE_WAL"),
                Arguments.of(
                        new CreatePhysicalSlot("s", false, true),
                        15,
                        "CREATE_REPLICATION_SLOT \"s\" PHYSICAL (RESERVE_WAL)"),
                Arguments.of(
                        new CreatePhysicalSlot("s", true, false), 13, "CREATE_REPLICATION_SLOT \"s\" TEMPORARY PHYSICAL"),
                Arguments.of(new DropSlot("s", false), 13, "DROP_REPLICATION_SLOT \"s\""),
                Arguments.of(new DropSlot("s", true), 13, "DROP_REPLICATION_SLOT \"s\" WAIT"),
                Arguments.of(new ReadSlot("s"), 15, "READ_REPLICATION_SLOT \"s\""),
                Arguments.of(
                        new AlterSlot("s", List.of(new Option("failover", Optional.of("true")))),
                        17,
                        "ALTER_REPLICATION_SLOT \"s\" (\"failover\" 'true')"),
                Arguments.of(new ServerOnly("BASE_BACKUP", "BASE_BACKUP (x)"), 18, "BASE_BACKUP (x)"));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void printsForAServerOfThatVersion(ReplicationCommand command, int serverMajor, String text) {
        assertEquals(text, ReplicationCommandPrinter.print(command, serverMajor));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void printsWhatTheParserReadsAsTheSame(ReplicationCommand command, int serverMajor, String text) {
        assertEquals(command, ReplicationCommandParser.parse(text));
    }

    @Test
    void refusesWhatTheServerDoesNotKnow() {
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class, () -> ReplicationCommandPrinter.print(new ReadSlot("s"), 14));
        assertEquals("READ_REPLICATION_SLOT needs PostgreSQL 15; the server is 14", refused.getMessage());
        assertThrows(
                IllegalArgumentException.class,
                () -> ReplicationCommandPrinter.print(new AlterSlot("s", List.of()), 16));
    }

    @Test
    void refusesANameThatWouldBecomeAnotherCommand() {
        for (String name : List.of("s\" LOGICAL x", "", "a\0b")) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> ReplicationCommandPrinter.print(new DropSlot(name, false), 18),
                    name);
            assertThrows(
                    IllegalArgumentException.class, () -> ReplicationCommandPrinter.print(new Show(name), 18), name);
        }
    }
}
