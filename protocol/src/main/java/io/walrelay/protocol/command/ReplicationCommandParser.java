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
import io.walrelay.protocol.command.Token.End;
import io.walrelay.protocol.command.Token.Digits;
import io.walrelay.protocol.command.Token.Position;
import io.walrelay.protocol.command.Token.QuotedWord;
import io.walrelay.protocol.command.Token.Symbol;
import io.walrelay.protocol.command.Token.Text;
import io.walrelay.protocol.command.Token.Word;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reads the text of a Query as a replication command (PostgreSQL 13 to 18: repl_gram.y, repl_scanner.l, and the option
 * lists in walsender.c). The first word alone decides whether it is one, as in walsender; all else is {@link Sql}.
 *
 * <p>What only the upstream can run is not read further than needed to know that, since the upstream reads it again and
 * may know more options. Slot names are taken as they stand: {@link SlotName} has the rules for a new one.
 */
public final class ReplicationCommandParser {

    private final String text;
    private final CommandScanner scanner;
    private Token token;

    private ReplicationCommandParser(String text) {
        this.text = text;
        this.scanner = new CommandScanner(text);
        this.token = scanner.next();
    }

    /** @throws CommandError with PostgreSQL's code and words, and in the detail what was expected */
    public static ReplicationCommand parse(String text) {
        return new ReplicationCommandParser(text).command();
    }

    private ReplicationCommand command() {
        if (!(token instanceof Word word)) {
            return new Sql(text);
        }
        return switch (word.folded()) {
            case "identify_system" -> whole(identifySystem());
            case "show" -> whole(show());
            case "timeline_history" -> whole(timelineHistory());
            case "start_replication" -> startReplication();
            case "create_replication_slot" -> createSlot();
            case "drop_replication_slot" -> whole(dropSlot());
            case "alter_replication_slot" -> whole(alterSlot());
            case "read_replication_slot" -> whole(readSlot());
            case "base_backup" -> new ServerOnly("BASE_BACKUP", text);
            case "upload_manifest" -> new ServerOnly("UPLOAD_MANIFEST", text);
            default -> new Sql(text);
        };
    }

    private IdentifySystem identifySystem() {
        advance();
        return new IdentifySystem();
    }

    private Show show() {
        advance();
        return new Show(qualifiedName("a parameter name"));
    }

    private ReadTimelineHistory timelineHistory() {
        advance();
        return new ReadTimelineHistory(timeline());
    }

    /** START_REPLICATION [SLOT s] [PHYSICAL] X/X [TIMELINE n], or START_REPLICATION SLOT s LOGICAL X/X [(…)]. */
    private ReplicationCommand startReplication() {
        advance();
        Optional<String> slot = accept("SLOT") ? Optional.of(identifier("a slot name")) : Optional.empty();
        if (slot.isPresent() && isAt("LOGICAL")) {
            return new ServerOnly("START_REPLICATION LOGICAL", text);
        }
        boolean physical = accept("PHYSICAL");
        Lsn start = position(physical ? "a position like 0/3000000" : "PHYSICAL or a position like 0/3000000");
        Optional<TimelineId> timeline = accept("TIMELINE") ? Optional.of(timeline()) : Optional.empty();
        return whole(new StartPhysical(slot, start, timeline));
    }

    /** CREATE_REPLICATION_SLOT s [TEMPORARY] PHYSICAL, then (options) or the words of PostgreSQL before 15. */
    private ReplicationCommand createSlot() {
        advance();
        String name = identifier("a slot name");
        boolean temporary = accept("TEMPORARY");
        if (isAt("LOGICAL")) {
            return new ServerOnly("CREATE_REPLICATION_SLOT LOGICAL", text);
        }
        if (!accept("PHYSICAL")) {
            throw unexpected(temporary ? "PHYSICAL or LOGICAL" : "TEMPORARY, PHYSICAL or LOGICAL");
        }
        boolean reserveWal = isAt('(') ? reserveWal(options()) : legacyReserveWal();
        return whole(new CreatePhysicalSlot(name, temporary, reserveWal));
    }

    private static boolean reserveWal(List<ParsedOption> options) {
        boolean reserveWal = false;
        Set<String> given = new HashSet<>();
        for (ParsedOption option : options) {
            switch (option.name()) {
                case "reserve_wal" -> {
                    if (!given.add(option.name())) {
                        throw conflicting(option.name());
                    }
                    reserveWal = option.asBoolean();
                }
                case "snapshot", "two_phase", "failover" -> throw conflicting(option.name());
                default -> throw CommandError.unrecognizedOption(option.name());
            }
        }
        return reserveWal;
    }

    private boolean legacyReserveWal() {
        boolean reserveWal = false;
        while (token instanceof Word word) {
            switch (word.folded()) {
                case "reserve_wal" -> {
                    if (reserveWal) {
                        throw conflicting("RESERVE_WAL");
                    }
                    reserveWal = true;
                }
                case "export_snapshot", "noexport_snapshot", "use_snapshot", "two_phase" ->
                    throw conflicting(word.written());
                default -> throw unexpected("RESERVE_WAL, an option list or the end");
            }
            advance();
        }
        return reserveWal;
    }

    private DropSlot dropSlot() {
        advance();
        return new DropSlot(identifier("a slot name"), accept("WAIT"));
    }

    private AlterSlot alterSlot() {
        advance();
        String name = identifier("a slot name");
        if (!isAt('(')) {
            throw unexpected("an option list in parentheses");
        }
        List<Option> options = new ArrayList<>();
        Set<String> given = new HashSet<>();
        for (ParsedOption option : options()) {
            switch (option.name()) {
                case "failover", "two_phase" -> {
                    if (!given.add(option.name())) {
                        throw conflicting(option.name());
                    }
                    options.add(new Option(option.name(), Optional.of(String.valueOf(option.asBoolean()))));
                }
                default -> throw CommandError.unrecognizedOption(option.name());
            }
        }
        return new AlterSlot(name, options);
    }

    private ReadSlot readSlot() {
        advance();
        return new ReadSlot(qualifiedName("a slot name"));
    }

    /** {@code name} with the token after it; {@link End} when there is none. */
    private record ParsedOption(String name, Token value) {

        /** PostgreSQL: define.c, defGetBoolean. A number is not the same as a text with a number in it. */
        boolean asBoolean() {
            return switch (value) {
                case End() -> true;
                case Digits(var digits) when digits.equals("1") -> true;
                case Digits(var digits) when digits.equals("0") -> false;
                case Word word -> ofText(word.written());
                case QuotedWord(var text) -> ofText(text);
                case Text(var text) -> ofText(text);
                case Digits _, Position _, Symbol _ -> throw notBoolean();
            };
        }

        private boolean ofText(String text) {
            if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("on")) {
                return true;
            }
            if (text.equalsIgnoreCase("false") || text.equalsIgnoreCase("off")) {
                return false;
            }
            throw notBoolean();
        }

        private CommandError notBoolean() {
            return CommandError.syntax(
                    name + " requires a Boolean value",
                    "Got %s; expected true, false, on, off, 1 or 0.".formatted(CommandError.excerpt(value.written())));
        }
    }

    private List<ParsedOption> options() {
        List<ParsedOption> options = new ArrayList<>();
        do {
            advance();
            options.add(option());
        } while (isAt(','));
        if (!isAt(')')) {
            throw unexpected("',' or ')'");
        }
        advance();
        return options;
    }

    private ParsedOption option() {
        String name =
                switch (token) {
                    case Word word -> word.folded();
                    case QuotedWord(var value) -> value;
                    case Text _, Digits _, Position _, Symbol _, End _ -> throw unexpected("an option name");
                };
        advance();
        return switch (token) {
            case Word word when word.isKeyword() -> throw unexpected("an option value, ',' or ')'");
            case Word _, QuotedWord _, Text _, Digits _ -> {
                ParsedOption option = new ParsedOption(name, token);
                advance();
                yield option;
            }
            case Position _, Symbol _, End _ -> new ParsedOption(name, new End());
        };
    }

    private <T extends ReplicationCommand> T whole(T command) {
        if (isAt(';')) {
            advance();
        }
        if (!(token instanceof End)) {
            throw unexpected("the end of the command");
        }
        return command;
    }

    private String qualifiedName(String what) {
        StringBuilder name = new StringBuilder(identifier(what));
        while (isAt('.')) {
            advance();
            name.append('.').append(identifier("a name after the dot"));
        }
        return name.toString();
    }

    private String identifier(String what) {
        String identifier =
                switch (token) {
                    case Word word when !word.isKeyword() -> word.folded();
                    case QuotedWord(var value) -> value;
                    case Word _, Text _, Digits _, Position _, Symbol _, End _ -> throw unexpected(what);
                };
        advance();
        return identifier;
    }

    private Lsn position(String what) {
        if (!(token instanceof Position(var lsn))) {
            throw unexpected(what);
        }
        advance();
        return lsn;
    }

    private TimelineId timeline() {
        if (!(token instanceof Digits(var digits))) {
            throw unexpected("the number of a timeline");
        }
        advance();
        try {
            return TimelineId.parse(digits);
        } catch (IllegalArgumentException _) {
            throw CommandError.syntax("invalid timeline " + CommandError.excerpt(digits), "Expected 1 to 4294967295.");
        }
    }

    private boolean accept(String keyword) {
        boolean there = isAt(keyword);
        if (there) {
            advance();
        }
        return there;
    }

    private boolean isAt(String keyword) {
        return token instanceof Word word && word.is(keyword);
    }

    private boolean isAt(char symbol) {
        return token instanceof Symbol(var value) && value == symbol;
    }

    private void advance() {
        token = scanner.next();
    }

    /** PostgreSQL says no more than the message; the detail is ours. */
    private CommandError unexpected(String expected) {
        String where = token instanceof End ? "at the end" : "at or near " + CommandError.excerpt(token.written());
        return CommandError.syntax("syntax error", "Unexpected input %s; expected %s.".formatted(where, expected));
    }

    private static CommandError conflicting(String option) {
        return CommandError.syntax(
                "conflicting or redundant options", "Option %s is given twice or is not for a physical slot.".formatted(option));
    }
}
