package io.walrelay.proxy.console;

import io.walrelay.cache.WalCache;
import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.BindComplete;
import io.walrelay.protocol.message.BackendMessage.CloseComplete;
import io.walrelay.protocol.message.BackendMessage.CommandComplete;
import io.walrelay.protocol.message.BackendMessage.EmptyQueryResponse;
import io.walrelay.protocol.message.BackendMessage.ErrorResponse;
import io.walrelay.protocol.message.BackendMessage.NoData;
import io.walrelay.protocol.message.BackendMessage.ParameterDescription;
import io.walrelay.protocol.message.BackendMessage.ParseComplete;
import io.walrelay.protocol.message.BackendMessage.PortalSuspended;
import io.walrelay.protocol.message.BackendMessage.ReadyForQuery;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.ExtendedQuery;
import io.walrelay.protocol.message.ExtendedQuery.Bind;
import io.walrelay.protocol.message.ExtendedQuery.Close;
import io.walrelay.protocol.message.ExtendedQuery.Describe;
import io.walrelay.protocol.message.ExtendedQuery.Execute;
import io.walrelay.protocol.message.ExtendedQuery.FunctionCall;
import io.walrelay.protocol.message.ExtendedQuery.Parse;
import io.walrelay.protocol.message.ExtendedQuery.Target;
import io.walrelay.protocol.message.TransactionStatus;
import io.walrelay.proxy.console.sql.BinaryFormat;
import io.walrelay.proxy.console.sql.Catalog;
import io.walrelay.proxy.console.sql.Parameters;
import io.walrelay.proxy.console.sql.Parser;
import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.ResultColumn;
import io.walrelay.proxy.console.sql.SqlError;
import io.walrelay.proxy.console.sql.SqlType;
import io.walrelay.proxy.console.sql.Statement;
import io.walrelay.proxy.console.sql.TextFormat;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamFacts;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One session of the console: messages in, messages out (postgres.c, PostgresMain). Slot functions wait for the disk, and so does whoever calls this; one
 * call at a time.
 */
public final class ConsoleSession {

    private static final Logger log = LoggerFactory.getLogger(ConsoleSession.class);

    private static final int MAX_STATEMENTS = 256;
    /** Characters of all prepared statements; parsed, they take up to twenty times as many bytes. */
    private static final int MAX_TEXT = 1 << 18;
    /** What a declared parameter takes, in characters. */
    private static final int PARAMETER = 16;
    private static final int MAX_PORTALS = 64;
    /** Rows that portals may hold between two Executes. */
    private static final int MAX_HELD_ROWS = 50_000;
    /** What these rows, and the values of parameters, may take. */
    private static final long MAX_HELD_BYTES = 8L << 20;

    /** Stands for what was no UTF-8 when a message was read. */
    private static final char REPLACEMENT = '\uFFFD';

    /** What a statement sees: made anew for each. */
    interface Views {
        Catalog catalog();

        UpstreamFacts facts();

        /** A relation of the relay's own, for SHOW. */
        Optional<Relation> own(String name);
    }

    private final Statements statements;
    private final Map<String, Prepared> prepared = new HashMap<>();
    private final Map<String, Portal> portals = new HashMap<>();
    /** After an error of the extended protocol everything is dropped up to Sync. */
    private boolean skipToSync;

    ConsoleSession(Views views, ConsoleSettings settings) {
        this.statements = new Statements(views, settings);
    }

    /** @param facts as they are known now */
    public static ConsoleSession of(RelayState state, WalCache cache, Supplier<UpstreamFacts> facts, ConsoleUser user, ConsoleSettings settings) {
        return new ConsoleSession(
                new Views() {
                    @Override
                    public Catalog catalog() {
                        return new RelayCatalog(view(), user, settings);
                    }

                    @Override
                    public UpstreamFacts facts() {
                        return facts.get();
                    }

                    @Override
                    public Optional<Relation> own(String name) {
                        return new OwnTables(view()).find(name);
                    }

                    private RelayView view() {
                        return new RelayView(state, cache, facts.get(), state.clock().instant());
                    }
                },
                settings);
    }

    /** A simple query: perhaps several statements, which are carried out up to the first that fails. */
    public List<BackendMessage> query(String sql) {
        if (skipToSync) {
            return List.of();
        }
        prepared.remove("");
        portals.remove("");
        List<BackendMessage> answer = new ArrayList<>();
        attempt(answer, () -> {
            List<Statement> parsed = parse(sql);
            if (parsed.isEmpty()) {
                answer.add(new EmptyQueryResponse());
            }
            Results results = new Results();
            for (Statement statement : parsed) {
                simple(statement, answer, results);
            }
        });
        answer.add(ready());
        return answer;
    }

    private void simple(Statement statement, List<BackendMessage> answer, Results results) {
        statements.requireLive(Prepared.endsTransaction(statement));
        Prepared ready = statements.prepare(Optional.of(statement), 0, List.of());
        if (!ready.parameters().isEmpty()) {
            throw new SqlError("42P02", "there is no parameter $1");
        }
        Statements.Outcome outcome = carryOut(statement, ready, List.of());
        answer.addAll(outcome.beside());
        ready.columns().ifPresent(columns -> {
            List<BackendMessage> rows = results.rows(outcome.rows(), columns, Results.TEXT);
            answer.add(Results.description(columns, Results.TEXT));
            answer.addAll(rows);
        });
        answer.add(new CommandComplete(outcome.tag()));
    }

    private Statements.Outcome carryOut(Statement statement, Prepared ready, List<@Nullable Object> values) {
        Statements.Outcome outcome = statements.carryOut(statement, ready, values);
        switch (statement) {
            case Statement.Deallocate(_, var name) when name.isPresent() -> {
                if (prepared.remove(name.get()) == null) {
                    throw missingStatement(name.get());
                }
            }
            case Statement.Deallocate _ -> prepared.clear();
            case Statement.Discard(var what) when what.equals("ALL") -> {
                prepared.clear();
                portals.clear();
            }
            default -> {}
        }
        return outcome;
    }

    private static List<Statement> parse(String sql) {
        if (sql.indexOf(REPLACEMENT) >= 0) {
            throw new SqlError("22021", "invalid byte sequence for encoding \"UTF8\"");
        }
        return Parser.parse(sql);
    }

    /** A message of the extended query protocol. */
    public List<BackendMessage> extended(ExtendedQuery message) {
        if (skipToSync) {
            return List.of();
        }
        List<BackendMessage> answer = new ArrayList<>();
        if (message instanceof FunctionCall) {
            answer.add(new ErrorResponse(Diagnostic.error("0A000", "function calls of the fast path are not supported by the relay's console")));
            statements.failed();
            answer.add(ready());
            return answer;
        }
        skipToSync = !attempt(answer, () -> {
            switch (message) {
                case Parse parse -> answer.add(prepare(parse));
                case Bind bind -> answer.add(bind(bind));
                case Describe describe -> answer.addAll(describe(describe));
                case Execute execute -> answer.addAll(execute(execute));
                case Close close -> {
                    (close.target() == Target.STATEMENT ? prepared : portals).remove(close.name());
                    answer.add(new CloseComplete());
                }
                case FunctionCall _ -> {}
            }
        });
        return answer;
    }

    /** A message of the extended query protocol that is not what its type promises. */
    public List<BackendMessage> broken(Diagnostic why) {
        if (skipToSync) {
            return List.of();
        }
        skipToSync = true;
        statements.failed();
        return List.of(new ErrorResponse(why.as("ERROR")));
    }

    public List<BackendMessage> sync() {
        skipToSync = false;
        if (statements.transaction() == TransactionStatus.IDLE) {
            portals.clear();
        }
        return List.of(ready());
    }

    private ReadyForQuery ready() {
        return new ReadyForQuery(statements.transaction());
    }

    /** Does what may be refused; the refusal is the end of the answer. */
    private boolean attempt(List<BackendMessage> answer, Runnable work) {
        Diagnostic refusal;
        try {
            statements.begin();
            work.run();
            return true;
        } catch (SqlError e) {
            refusal = e.diagnostic();
        } catch (UncheckedIOException e) {
            log.error("a statement of the console failed", e);
            refusal = Diagnostic.error("58030", "the relay's disk failed: %s".formatted(e.getMessage()));
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            log.error("a statement of the console broke", e);
            refusal = Diagnostic.error("XX000", "internal error of the relay: %s".formatted(e)).withHint("the relay's log has more");
        }
        statements.failed();
        answer.add(new ErrorResponse(refusal));
        return false;
    }

    private ParseComplete prepare(Parse parse) {
        if (!parse.statement().isEmpty() && prepared.containsKey(parse.statement())) {
            throw new SqlError("42P05", "prepared statement \"%s\" already exists".formatted(parse.statement()));
        }
        if (parse.parameterTypes().size() > Parameters.MAX) {
            throw new SqlError("54000", "a statement of %d parameters; the relay's console takes %d".formatted(parse.parameterTypes().size(), Parameters.MAX));
        }
        prepared.remove(parse.statement());
        List<Statement> parsed = parse(parse.sql());
        if (parsed.size() > 1) {
            throw new SqlError("42601", "cannot insert multiple commands into a prepared statement");
        }
        int length = parse.sql().length() + parse.statement().length() + PARAMETER * parse.parameterTypes().size();
        if (prepared.size() >= MAX_STATEMENTS || prepared.values().stream().mapToInt(Prepared::length).sum() + length > MAX_TEXT) {
            throw new SqlError(Diagnostic.error("53400", "too many prepared statements")
                    .withHint("a session of the relay's console keeps %d with %d characters in all; close some".formatted(MAX_STATEMENTS, MAX_TEXT)));
        }
        Optional<Statement> statement = parsed.stream().findFirst();
        statements.requireLive(statement.isEmpty() || Prepared.endsTransaction(statement.get()));
        prepared.put(parse.statement(), statements.prepare(statement, length, parse.parameterTypes()));
        return new ParseComplete();
    }

    private BindComplete bind(Bind bind) {
        Prepared statement = statement(bind.statement());
        statements.requireLive(statement.statement().isEmpty() || statement.endsTransaction());
        if (bind.values().size() != statement.parameters().size()) {
            throw new SqlError("08P01", "bind message supplies %d parameters, but prepared statement \"%s\" requires %d"
                    .formatted(bind.values().size(), bind.statement(), statement.parameters().size()));
        }
        if (bind.formats().size() > 1 && bind.formats().size() != bind.values().size()) {
            throw new SqlError("08P01", "bind message has %d parameter formats but %d parameters".formatted(bind.formats().size(), bind.values().size()));
        }
        if (!bind.portal().isEmpty() && portals.containsKey(bind.portal())) {
            throw new SqlError("42P03", "cursor \"%s\" already exists".formatted(bind.portal()));
        }
        if (portals.size() >= MAX_PORTALS) {
            throw new SqlError(Diagnostic.error("53400", "too many portals").withHint("a session of the relay's console keeps %d; close some".formatted(MAX_PORTALS)));
        }
        long bytes = 2L * bind.portal().length() + bind.values().stream().mapToLong(value -> value == null ? 0 : 40 + 2L * value.length).sum();
        requireRoom(bytes);
        List<@Nullable Object> values = new ArrayList<>();
        for (int i = 0; i < bind.values().size(); i++) {
            values.add(value(statement.parameters().get(i), Portal.format(bind.formats(), i), bind.values().get(i)));
        }
        portals.put(bind.portal(), new Portal(statement, values, bytes, bind.resultFormats()));
        return new BindComplete();
    }

    private static @Nullable Object value(SqlType type, short format, byte @Nullable [] bytes) {
        Portal.checkFormat(format);
        if (bytes == null) {
            return null;
        }
        return format == 0 ? TextFormat.parse(type, BinaryFormat.text(bytes)) : BinaryFormat.parse(type, bytes);
    }

    private List<BackendMessage> describe(Describe describe) {
        if (describe.target() == Target.PORTAL) {
            Portal portal = portal(describe.name());
            return List.of(described(portal.columns(), portal::format));
        }
        Prepared statement = statement(describe.name());
        return List.of(
                new ParameterDescription(statement.parameterOids()),
                described(statement.columns(), Results.TEXT));
    }

    private static BackendMessage described(Optional<List<ResultColumn>> columns, IntFunction<Short> format) {
        return columns.isPresent() ? Results.description(columns.get(), format) : new NoData();
    }

    private List<BackendMessage> execute(Execute execute) {
        Portal portal = portal(execute.portal());
        Optional<Statement> statement = portal.prepared().statement();
        if (statement.isEmpty()) {
            return List.of(new EmptyQueryResponse());
        }
        List<BackendMessage> answer = new ArrayList<>();
        String tag = "SELECT";
        if (portal.begin()) {
            Statements.Outcome outcome = carryOut(statement.get(), portal.prepared(), portal.values());
            answer.addAll(outcome.beside());
            portal.hold(outcome.rows(), outcome.bytes());
            tag = outcome.tag();
        } else if (portal.columns().isEmpty()) {
            throw new SqlError("55000", "portal \"%s\" cannot be run".formatted(execute.portal()));
        }
        if (portal.columns().isEmpty()) {
            answer.add(new CommandComplete(tag));
            return answer;
        }
        List<@Nullable Object[]> rows = portal.next(execute.maxRows());
        requireRoom(0);
        answer.addAll(new Results().rows(rows, portal.columns().get(), portal::format));
        boolean suspended = execute.maxRows() > 0 && rows.size() == execute.maxRows();
        answer.add(suspended ? new PortalSuspended() : new CommandComplete(tag.startsWith("SELECT") ? "SELECT " + rows.size() : tag));
        return answer;
    }

    /** @param more bytes that are to come */
    private void requireRoom(long more) {
        if (portals.values().stream().mapToLong(Portal::held).sum() > MAX_HELD_ROWS) {
            portals.clear();
            throw new SqlError("53400", "portals hold more than %d rows; fetch more of them at a time".formatted(MAX_HELD_ROWS));
        }
        if (portals.values().stream().mapToLong(Portal::bytes).sum() + more > MAX_HELD_BYTES) {
            portals.clear();
            throw new SqlError("53400", "portals hold more than %d bytes; fetch all rows of one before the next, or close some".formatted(MAX_HELD_BYTES));
        }
    }

    private Prepared statement(String name) {
        Prepared found = prepared.get(name);
        if (found == null) {
            throw missingStatement(name);
        }
        return found;
    }

    private static SqlError missingStatement(String name) {
        return new SqlError("26000", name.isEmpty() ? "unnamed prepared statement does not exist" : "prepared statement \"%s\" does not exist".formatted(name));
    }

    private Portal portal(String name) {
        Portal found = portals.get(name);
        if (found == null) {
            throw new SqlError("34000", "portal \"%s\" does not exist".formatted(name));
        }
        return found;
    }
}
