package io.walrelay.protocol.command;

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
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Writes replication commands as a server of a given version reads them (libpqwalreceiver.c, streamutil.c). */
public final class ReplicationCommandPrinter {

    private static final Pattern PLAIN = Pattern.compile("[a-z_][a-z0-9_$]*");

    private ReplicationCommandPrinter() {}

    /**
     * Writes {@code command}.
     *
     * @param serverMajor major version of the server, like 15
     * @throws IllegalArgumentException when that server does not know the command, or when a name can't be written
     */
    public static String print(ReplicationCommand command, int serverMajor) {
        return switch (command) {
            case IdentifySystem() -> "IDENTIFY_SYSTEM";
            case Show(var name) -> "SHOW " + qualifiedName(name);
            case ReadTimelineHistory(var timeline) -> "TIMELINE_HISTORY " + timeline;
            case StartPhysical(var slot, var start, var timeline) -> start(slot, start, timeline);
            case CreatePhysicalSlot(var name, var temporary, var reserveWal) ->
                "CREATE_REPLICATION_SLOT %s%s PHYSICAL%s"
                        .formatted(quoted(name), temporary ? " TEMPORARY" : "", reserveWal ? reserveWal(serverMajor) : "");
            case DropSlot(var name, var waitUntilFree) ->
                "DROP_REPLICATION_SLOT %s%s".formatted(quoted(name), waitUntilFree ? " WAIT" : "");
            case AlterSlot(var name, var options) -> {
                need(17, serverMajor, "ALTER_REPLICATION_SLOT");
                yield "ALTER_REPLICATION_SLOT %s (%s)".formatted(quoted(name), list(options));
            }
            case ReadSlot(var name) -> {
                need(15, serverMajor, "READ_REPLICATION_SLOT");
                yield "READ_REPLICATION_SLOT " + quoted(name);
            }
            case ServerOnly(_, var text) -> text;
            case Sql(var text) -> text;
        };
    }

    private static String start(Optional<String> slot, Lsn start, Optional<TimelineId> timeline) {
        return "START_REPLICATION "
                + slot.map(name -> "SLOT " + quoted(name) + " ").orElse("")
                + "PHYSICAL "
                + start
                + timeline.map(number -> " TIMELINE " + number).orElse("");
    }

    private static String reserveWal(int serverMajor) {
        return serverMajor >= 15 ? " (RESERVE_WAL)" : " RESERVE_WAL";
    }

    private static String list(List<Option> options) {
        return options.stream()
                .map(option -> quoted(option.name()) + option.value().map(value -> " " + text(value)).orElse(""))
                .collect(Collectors.joining(", "));
    }

    private static String qualifiedName(String name) {
        return Pattern.compile("\\.").splitAsStream(name)
                .map(part -> PLAIN.matcher(part).matches() ? part : quoted(part))
                .collect(Collectors.joining("."));
    }

    private static String quoted(String name) {
        // PostgreSQL's scanner has no way to write a double quote inside a name.
        if (name.isEmpty() || name.indexOf('"') >= 0 || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "not a name for a replication command: \"%s\"; expected text without quotes".formatted(name));
        }
        return '"' + name + '"';
    }

    private static String text(String value) {
        return "'" + value.replace("'", "''") + "'";
    }

    private static void need(int version, int serverMajor, String keyword) {
        if (serverMajor < version) {
            throw new IllegalArgumentException("%s needs PostgreSQL %d; the server is %d".formatted(keyword, version, serverMajor));
        }
    }
}
