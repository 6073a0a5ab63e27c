package io.walrelay.proxy.console.sql;

import io.walrelay.proxy.console.sql.SqlToken.Kind;
import io.walrelay.proxy.console.sql.Statement.Item;
import io.walrelay.proxy.console.sql.Statement.Order;
import io.walrelay.proxy.console.sql.Statement.Select;
import io.walrelay.proxy.console.sql.Statement.Source;
import io.walrelay.proxy.console.sql.Statement.Transaction;
import io.walrelay.proxy.console.sql.Statement.With;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Reads queries. Anything that it does not know is refused; nothing but a {@link SqlError} is ever thrown. */
public final class Parser {

    /** Characters of a query. What tools ask has a few hundred. */
    public static final int MAX_LENGTH = 64 * 1024;

    /** Commands of PostgreSQL's, to tell what is not supported from what is misspelt. */
    private static final Set<String> COMMANDS = Set.of(
            "insert", "update", "delete", "merge", "create", "alter", "drop", "truncate", "copy", "grant", "revoke", "vacuum", "analyze", "explain", "do",
            "call", "declare", "fetch", "move", "close", "prepare", "execute", "listen", "notify", "unlisten", "lock", "checkpoint", "values", "table",
            "comment", "cluster", "reindex", "refresh", "load", "import", "reassign", "security", "savepoint", "release", "base_backup", "identify_system",
            "start_replication", "create_replication_slot", "drop_replication_slot", "read_replication_slot", "timeline_history");

    private final TokenReader in;
    private final ExpressionParser expressions;

    private Parser(String text) {
        this.in = new TokenReader(TypeRelation.simplified(Lexer.tokens(text)));
        this.expressions = new ExpressionParser(in, this::select);
    }

    /**
     * The statements of a query string, between semicolons. Empty ones are none.
     *
     * @throws SqlError when any of them can't be read; then none is to be carried out, as in PostgreSQL
     */
    public static List<Statement> parse(String text) {
        if (text.length() > MAX_LENGTH) {
            throw SqlError.tooMuch("a query of %d characters; the relay's console takes %d".formatted(text.length(), MAX_LENGTH));
        }
        Parser parser = new Parser(text);
        List<Statement> statements = new ArrayList<>();
        do {
            if (!parser.in.peek().isSymbol(";") && parser.in.peek().kind() != Kind.END) {
                statements.add(parser.statement());
            }
        } while (parser.in.takeSymbol(";"));
        if (parser.in.peek().kind() != Kind.END) {
            throw parser.in.unexpected();
        }
        return List.copyOf(statements);
    }

    private Statement statement() {
        SqlToken first = in.peek();
        if (first.kind() != Kind.WORD) {
            throw in.syntaxError();
        }
        return switch (first.text()) {
            case "select", "with" -> select();
            case "show" -> show(in.take());
            case "set" -> set(in.take());
            case "reset" -> reset(in.take());
            case "begin", "start" -> begin(in.take());
            case "commit", "end" -> end(in.take(), Transaction.Kind.COMMIT);
            case "rollback", "abort" -> end(in.take(), Transaction.Kind.ROLLBACK);
            case "discard" -> {
                in.take();
                yield discard();
            }
            case "deallocate" -> {
                in.take();
                yield deallocate();
            }
            default -> throw COMMANDS.contains(first.text())
                    ? SqlError.unsupported(first.text().toUpperCase(Locale.ROOT)).at(first.at())
                    : in.syntaxError();
        };
    }

    private Select select() {
        in.down();
        Optional<With> with = in.takeWord("with") ? Optional.of(with()) : Optional.empty();
        in.expectWord("select");
        boolean listless = in.peek().isWord("from") || in.peek().kind() == Kind.END || in.peek().isSymbol(";") || in.peek().isSymbol(")");
        if (listless) {
            throw in.syntaxError();
        }
        List<Item> items = items();
        List<Source> from = in.takeWord("from") ? sources() : List.of();
        Optional<Expression> where = in.takeWord("where") ? Optional.of(expressions.expression()) : Optional.empty();
        List<Order> order = in.takeWord("order") ? order() : List.of();
        Optional<Expression> limit = in.takeWord("limit") && !in.takeWord("all") ? Optional.of(expressions.expression()) : Optional.empty();
        in.up(1);
        return new Select(with, items, from, where, order, limit);
    }

    private With with() {
        String name = in.name();
        in.expectWord("as");
        in.expectSymbol("(");
        Select query = select();
        in.expectSymbol(")");
        return new With(name, query);
    }

    private List<Item> items() {
        List<Item> items = new ArrayList<>();
        do {
            items.add(new Item(expressions.expression(), in.label()));
        } while (in.takeSymbol(","));
        return items;
    }

    private List<Source> sources() {
        List<Source> sources = new ArrayList<>();
        do {
            sources.add(source());
        } while (in.takeSymbol(","));
        return sources;
    }

    private Source source() {
        int at = in.peek().at();
        if (in.takeSymbol("(")) {
            Select query = select();
            in.expectSymbol(")");
            return new Source.Derived(at, query, in.label());
        }
        String name = in.name();
        Optional<String> schema = Optional.empty();
        if (in.takeSymbol(".")) {
            schema = Optional.of(name);
            name = in.name();
        }
        if (in.peek().isSymbol("(")) {
            return new Source.Function(at, expressions.call(at, name), in.label());
        }
        return new Source.Named(at, schema, name, in.label());
    }

    private List<Order> order() {
        in.expectWord("by");
        List<Order> order = new ArrayList<>();
        do {
            Expression by = expressions.expression();
            boolean descending = in.takeWord("desc");
            if (!descending) {
                in.takeWord("asc");
            }
            order.add(new Order(by, descending, nullsFirst()));
        } while (in.takeSymbol(","));
        return order;
    }

    private Optional<Boolean> nullsFirst() {
        if (!in.takeWord("nulls")) {
            return Optional.empty();
        }
        boolean first = in.takeWord("first");
        if (!first) {
            in.expectWord("last");
        }
        return Optional.of(first);
    }

    private Statement show(SqlToken begin) {
        if (in.takeWord("transaction")) {
            in.expectWord("isolation");
            in.expectWord("level");
            return new Statement.Show(begin.at(), "transaction_isolation");
        }
        if (in.takeWord("time")) {
            in.expectWord("zone");
            return new Statement.Show(begin.at(), "timezone");
        }
        return new Statement.Show(in.peek().at(), in.takeWord("all") ? "all" : parameterName());
    }

    private String parameterName() {
        String name = in.name();
        return in.takeSymbol(".") ? name + "." + in.name() : name;
    }

    private Statement set(SqlToken begin) {
        boolean scoped = in.peek().isWord("session") || in.peek().isWord("local");
        if (scoped) {
            boolean session = in.take().isWord("session");
            if (session && in.takeWord("characteristics")) {
                in.expectWord("as");
                in.expectWord("transaction");
                modes();
                return new Statement.Set(begin.at(), "transaction", Optional.empty());
            }
        }
        if (in.takeWord("transaction")) {
            modes();
            return new Statement.Set(begin.at(), "transaction", Optional.empty());
        }
        int at = in.peek().at();
        if (in.takeWord("time")) {
            in.expectWord("zone");
            return new Statement.Set(at, "timezone", settingValue());
        }
        String name = parameterName();
        if (!in.takeSymbol("=")) {
            in.expectWord("to");
        }
        return new Statement.Set(at, name, settingValue());
    }

    /** One value, or several with commas between them. */
    private Optional<String> settingValue() {
        if (in.takeWord("default")) {
            return Optional.empty();
        }
        StringBuilder value = new StringBuilder();
        do {
            value.append(value.isEmpty() ? "" : ", ");
            if (in.takeSymbol("-")) {
                value.append('-');
            } else {
                in.takeSymbol("+");
            }
            value.append(switch (in.peek().kind()) {
                case WORD, QUOTED_WORD, STRING, INTEGER, DECIMAL -> in.take().text();
                case PARAMETER, SYMBOL, END -> throw in.syntaxError();
            });
        } while (in.takeSymbol(","));
        return Optional.of(value.toString());
    }

    private Statement reset(SqlToken begin) {
        if (in.takeWord("all")) {
            return new Statement.Reset(begin.at(), Optional.empty());
        }
        return new Statement.Reset(in.peek().at(), Optional.of(parameterName()));
    }

    private Statement begin(SqlToken begin) {
        if (begin.isWord("start")) {
            in.expectWord("transaction");
        } else if (!in.takeWord("work")) {
            in.takeWord("transaction");
        }
        if (in.peek().kind() == Kind.WORD) {
            modes();
        }
        return new Transaction(Transaction.Kind.BEGIN);
    }

    /** Modes of a transaction: nothing is ever written here, and nothing seen twice, so any will do. */
    private void modes() {
        do {
            mode();
        } while (in.takeSymbol(",") || in.peek().kind() == Kind.WORD);
    }

    private void mode() {
        if (in.takeWord("isolation")) {
            in.expectWord("level");
            if (in.takeWord("read")) {
                if (!in.takeWord("uncommitted")) {
                    in.expectWord("committed");
                }
            } else if (in.takeWord("repeatable")) {
                in.expectWord("read");
            } else {
                in.expectWord("serializable");
            }
        } else if (in.takeWord("read")) {
            if (!in.takeWord("write")) {
                in.expectWord("only");
            }
        } else {
            in.takeWord("not");
            in.expectWord("deferrable");
        }
    }

    private Statement end(SqlToken begin, Transaction.Kind kind) {
        if (!in.takeWord("work")) {
            in.takeWord("transaction");
        }
        if (in.peek().isWord("prepared") || in.peek().isWord("to")) {
            throw SqlError.unsupported("%s %s".formatted(begin.written(), in.peek().written()).toUpperCase(Locale.ROOT)).at(begin.at());
        }
        return new Transaction(kind);
    }

    private Statement discard() {
        for (String what : List.of("all", "plans", "sequences", "temp", "temporary")) {
            if (in.takeWord(what)) {
                return new Statement.Discard(what.toUpperCase(Locale.ROOT));
            }
        }
        throw in.unexpected();
    }

    private Statement deallocate() {
        in.takeWord("prepare");
        int at = in.peek().at();
        return new Statement.Deallocate(at, in.takeWord("all") ? Optional.empty() : Optional.of(in.name()));
    }
}
