package io.walrelay.proxy.console;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.NoticeResponse;
import io.walrelay.protocol.message.BackendMessage.ParameterStatus;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.protocol.message.TransactionStatus;
import io.walrelay.proxy.console.sql.Parameters;
import io.walrelay.proxy.console.sql.Query;
import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.ResultColumn;
import io.walrelay.proxy.console.sql.SqlError;
import io.walrelay.proxy.console.sql.SqlType;
import io.walrelay.proxy.console.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Carries statements out, in the transaction of one session. Confined to the session. */
final class Statements {

    /**
     * What a statement gave: rows, if it has columns, and what is said beside them.
     *
     * @param bytes that the rows may keep from being freed
     */
    record Outcome(List<@Nullable Object[]> rows, long bytes, String tag, List<BackendMessage> beside) {
        static Outcome of(String tag, BackendMessage... beside) {
            return new Outcome(List.of(), 0, tag, List.of(beside));
        }
    }

    private final ConsoleSession.Views views;
    private final ConsoleSettings settings;
    private TransactionStatus transaction = TransactionStatus.IDLE;
    /** Of the message that is being answered, by System.nanoTime(). */
    private long messageDeadline;

    Statements(ConsoleSession.Views views, ConsoleSettings settings) {
        this.views = views;
        this.settings = settings;
    }

    /** A message has come: its statements have {@link Query#TIME_LIMIT} together, and each of them statement_timeout. */
    void begin() {
        messageDeadline = System.nanoTime() + Query.TIME_LIMIT.toNanos();
    }

    private long deadline() {
        long now = System.nanoTime();
        long left = messageDeadline - now;
        return now + settings.statementTimeout()
                .filter(timeout -> timeout.compareTo(Query.TIME_LIMIT) < 0)
                .map(timeout -> Math.min(timeout.toNanos(), left))
                .orElse(left);
    }

    TransactionStatus transaction() {
        return transaction;
    }

    /** An error ends what a transaction can do. */
    void failed() {
        if (transaction == TransactionStatus.IN_TRANSACTION) {
            transaction = TransactionStatus.FAILED;
        }
    }

    /** @throws SqlError 25P02 */
    void requireLive(boolean endsTransaction) {
        if (transaction == TransactionStatus.FAILED && !endsTransaction) {
            throw new SqlError("25P02", "current transaction is aborted, commands ignored until end of transaction block");
        }
    }

    /** Analyzes a statement without carrying it out. */
    Prepared prepare(Optional<Statement> statement, int length, List<Integer> oids) {
        List<SqlType> declared = oids.stream().map(Statements::type).toList();
        return switch (statement.orElse(null)) {
            case Statement.Select select -> {
                Query query = new Query(select, views.catalog(), Parameters.declared(declared), deadline());
                yield new Prepared(statement, length, query.parameterTypes(), oids, Optional.of(query.columns()));
            }
            case Statement.Show show -> new Prepared(statement, length, types(declared), oids, Optional.of(shown(show).columns()));
            case null, default -> new Prepared(statement, length, types(declared), oids, Optional.empty());
        };
    }

    private static SqlType type(int oid) {
        return oid == 0
                ? SqlType.UNKNOWN
                : SqlType.ofOid(oid).orElseThrow(() -> new SqlError("42704", "the relay's console has no type with OID %d".formatted(Integer.toUnsignedLong(oid))));
    }

    private static List<SqlType> types(List<SqlType> declared) {
        return Parameters.declared(declared).types();
    }

    /** @param values one for each parameter */
    Outcome carryOut(Statement statement, Prepared prepared, List<@Nullable Object> values) {
        requireLive(Prepared.endsTransaction(statement));
        return switch (statement) {
            case Statement.Select select -> select(select, prepared, values);
            case Statement.Show show -> rows("SHOW", shown(show));
            case Statement.Set(var at, var name, var value) -> set("SET", name, value);
            case Statement.Reset(var at, var name) -> name.isPresent() ? set("RESET", name.get(), Optional.empty()) : resetAll("RESET");
            case Statement.Transaction(var kind) -> transaction(kind);
            case Statement.Discard(var what) -> what.equals("ALL") ? discardAll() : Outcome.of("DISCARD " + what);
            case Statement.Deallocate(var at, var name) -> Outcome.of(name.isPresent() ? "DEALLOCATE" : "DEALLOCATE ALL");
        };
    }

    private Outcome select(Statement.Select select, Prepared prepared, List<@Nullable Object> values) {
        Query query = new Query(select, views.catalog(), Parameters.bound(prepared.parameters(), values), deadline());
        // The version that the views look like is upstream's.
        if (!prepared.columns().equals(Optional.of(query.columns()))) {
            throw new SqlError("0A000", "cached plan must not change result type");
        }
        List<@Nullable Object[]> rows = query.rows();
        return new Outcome(rows, query.retained(), "SELECT " + rows.size(), List.of());
    }

    private Relation shown(Statement.Show show) {
        Optional<Relation> own = views.own(show.name());
        if (own.isPresent()) {
            return own.get();
        }
        ConsoleSettings.Shown value = settings.shown(show.name(), views.facts());
        return new Relation("show", List.of(new ResultColumn(value.name(), SqlType.TEXT)), () -> List.of(Collections.singletonList(value.value())));
    }

    private static Outcome rows(String tag, Relation relation) {
        return new Outcome(new ArrayList<>(relation.rows().get().stream().map(row -> row.toArray()).toList()), 0, tag, List.of());
    }

    private Outcome set(String tag, String name, Optional<String> value) {
        if (name.equals("transaction")) {
            return Outcome.of(tag);
        }
        ConsoleSettings.Shown now = settings.set(name, value);
        return Outcome.of(tag, new ParameterStatus(now.name(), now.value()));
    }

    private Outcome resetAll(String tag) {
        settings.resetAll();
        ConsoleSettings.Shown name = settings.shown("application_name", views.facts());
        return Outcome.of(tag, new ParameterStatus(name.name(), name.value()));
    }

    private Outcome discardAll() {
        if (transaction != TransactionStatus.IDLE) {
            throw new SqlError("25001", "DISCARD ALL cannot run inside a transaction block");
        }
        return resetAll("DISCARD ALL");
    }

    private Outcome transaction(Statement.Transaction.Kind kind) {
        boolean idle = transaction == TransactionStatus.IDLE;
        return switch (kind) {
            case BEGIN -> {
                transaction = TransactionStatus.IN_TRANSACTION;
                yield idle ? Outcome.of("BEGIN") : Outcome.of("BEGIN", warning("25001", "there is already a transaction in progress"));
            }
            case COMMIT, ROLLBACK -> {
                String tag = transaction == TransactionStatus.FAILED ? "ROLLBACK" : kind.name();
                transaction = TransactionStatus.IDLE;
                yield idle ? Outcome.of(tag, warning("25P01", "there is no transaction in progress")) : Outcome.of(tag);
            }
        };
    }

    private static NoticeResponse warning(String sqlState, String message) {
        return new NoticeResponse(Diagnostic.error(sqlState, message).as("WARNING"));
    }
}
