package io.walrelay.proxy.console.sql;

import io.walrelay.proxy.console.sql.Statement.Item;
import io.walrelay.proxy.console.sql.Statement.Order;
import io.walrelay.proxy.console.sql.Statement.Select;
import io.walrelay.proxy.console.sql.Statement.Source;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Turns a SELECT into what can be carried out (analyze.c, parse_clause.c, parse_target.c). Sources are joined row by row, each seeing those before it. */
final class QueryAnalyzer {

    private static final int MAX_COLUMNS = 1664;
    private static final int ANALYSIS = 100;
    /** Bytes of a query that is analyzed, of one of its sources and a column of its result, of a row of a join, and of one that is sorted: about. */
    private static final int QUERY = 1000;

    private static final int SOURCE = 1000;
    private static final int OUTPUT = 100;
    private static final int JOINED = 64;
    private static final int SORTED = 80;

    private final Catalog catalog;
    private final Coercion coercion;
    private final Budget budget;
    private final ExpressionAnalyzer expressions;

    QueryAnalyzer(Catalog catalog, Parameters parameters, Budget budget) {
        this.catalog = catalog;
        this.budget = budget;
        this.coercion = new Coercion(parameters, budget);
        this.expressions = new ExpressionAnalyzer(catalog, parameters, coercion, budget, this);
    }

    /** Gives the rows of a source, for one row of each of those before it. */
    private interface Reading {
        List<@Nullable Object[]> rows(Row before);
    }

    /** A relation, whose rows are the same as long as the statement is carried out. */
    private final class Stored implements Reading {
        private final Relation relation;
        private final List<@Nullable Object[]> rows = new ArrayList<>();
        private boolean read;

        Stored(Relation relation) {
            this.relation = relation;
        }

        @Override
        public List<@Nullable Object[]> rows(Row before) {
            if (!read) {
                relation.rows().get().forEach(row -> rows.add(row.toArray()));
                // The arrays, and what the values take.
                rows.forEach(row -> budget.hold(2 * Budget.rowBytes(row.length)));
                read = true;
            }
            return rows;
        }
    }

    /** A column of the result. */
    private record Output(String name, Typed value) {}

    /** What rows are ordered by. */
    private record Key(Typed value, boolean descending, boolean nullsFirst) {}

    AnalyzedQuery analyze(Select select, @Nullable Scope outer) {
        // What a WITH names is analyzed wherever it is used, so a short text can be long to analyze.
        budget.spend(ANALYSIS);
        budget.hold(QUERY);
        Scope scope = new Scope(outer, select.with());
        List<Reading> sources = select.from().stream().map(source -> source(source, scope)).toList();
        Optional<Typed> where = select.where().map(e -> coercion.condition("WHERE", expressions.analyze(e, scope, Optional.empty())));
        scope.forgetBare();
        Aggregates aggregates = new Aggregates();
        List<Output> outputs = outputs(select.items(), scope, aggregates);
        List<Key> keys = select.order().stream().map(order -> key(order, outputs, scope, aggregates)).toList();
        if (!aggregates.isEmpty() && scope.bare().isPresent()) {
            Expression.ColumnName bare = scope.bare().get();
            throw new SqlError("42803", "column \"%s\" must appear in the GROUP BY clause or be used in an aggregate function".formatted(SqlError.excerpt(bare.name())))
                    .at(bare.at());
        }
        Optional<Typed> limit = select.limit().map(e -> limit(expressions.analyze(e, new Scope(outer, Optional.empty()), Optional.empty())));
        List<ResultColumn> columns = outputs.stream().map(o -> new ResultColumn(o.name(), o.value().type())).toList();
        return new AnalyzedQuery(columns, around -> {
            List<Row> joined = joined(sources, where, around);
            List<Row> rows = aggregates.isEmpty()
                    ? joined
                    : List.of(new Row(new Object[sources.size()][], around, aggregates.over(joined, budget)));
            List<@Nullable Object[]> results = limited(ordered(rows, keys), outputs, limit, around);
            joined.forEach(row -> budget.letGo(bytes(row)));
            return results;
        });
    }

    /** Rows of a query within another, which says itself what it keeps of them. */
    List<@Nullable Object[]> within(AnalyzedQuery query, @Nullable Row around) {
        List<@Nullable Object[]> rows = query.execution().rows(around);
        budget.letGo(rows.size() * Budget.rowBytes(query.columns().size()));
        return rows;
    }

    private Typed limit(Typed written) {
        return coercion.implicit(written, SqlType.INT8)
                .orElseThrow(() -> new SqlError("42804", "argument of LIMIT must be type bigint, not type %s".formatted(written.type())).at(written.at()));
    }

    // Sources

    private Reading source(Source source, Scope scope) {
        budget.hold(SOURCE);
        return switch (source) {
            case Source.Named named -> named(named, scope);
            case Source.Function(int at, var call, var alias) -> function(at, call, alias.orElse(call.name()), scope);
            case Source.Derived(int at, var query, var alias) -> derived(at, query, alias.orElse(""), scope);
        };
    }

    private Reading named(Source.Named named, Scope scope) {
        Optional<Scope.Common> common = named.schema().isPresent() ? Optional.empty() : scope.common(named.name());
        String alias = named.alias().orElse(named.name());
        if (common.isPresent()) {
            Scope.Common found = common.get();
            AnalyzedQuery query = analyze(found.query(), found.around());
            scope.add(alias, query.columns(), named.at());
            return row -> within(query, row.around(found.levels()).outer());
        }
        Relation relation = TypeRelation.find(named.schema(), named.name())
                .or(() -> catalog.relation(named.schema(), named.name()))
                .orElseThrow(() -> new SqlError(
                                "42P01",
                                "relation \"%s\" does not exist".formatted(SqlError.excerpt(named.schema().map(s -> s + ".").orElse("") + named.name())))
                        .withHint(SqlError.HELP)
                        .at(named.at()));
        scope.add(alias, relation.columns(), named.at());
        return new Stored(relation);
    }

    /** Sees nothing of the sources beside it, so it is carried out once for each row of the query around all of them. */
    private Reading derived(int at, Select select, String alias, Scope scope) {
        AnalyzedQuery query = analyze(select, scope.outer());
        scope.add(!alias.isEmpty() ? alias : "?subquery?" + scope.count(), query.columns(), at);
        return row -> within(query, row.outer());
    }

    private Reading function(int at, Expression.Call call, String alias, Scope scope) {
        ExpressionAnalyzer.Called called = expressions.source(call, scope);
        SqlFunction function = called.function();
        scope.add(alias, function.columns().isEmpty() ? List.of(new ResultColumn(alias, function.result())) : function.columns(), at);
        return row -> {
            Object made = expressions.invoke(called, row);
            if (function.columns().isEmpty()) {
                return Collections.singletonList(new @Nullable Object[] {made});
            }
            return switch (made) {
                case null -> function.set() ? List.of() : Collections.singletonList(new @Nullable Object[function.columns().size()]);
                case RowValue one -> Collections.singletonList(one.values().toArray());
                case List<?> many -> many.stream().map(value -> ((RowValue) value).values().toArray()).toList();
                default -> throw new IllegalStateException("%s gave %s; expected rows".formatted(function.name(), made.getClass()));
            };
        };
    }

    private List<Row> joined(List<Reading> sources, Optional<Typed> where, @Nullable Row around) {
        List<Row> rows = new ArrayList<>();
        join(sources, new Row(new Object[sources.size()][], around, Row.NO_AGGREGATES), 0, where, rows);
        return rows;
    }

    private void join(List<Reading> sources, Row before, int next, Optional<Typed> where, List<Row> rows) {
        if (next == sources.size()) {
            if (where.isEmpty() || Boolean.TRUE.equals(where.get().of(before))) {
                budget.hold(bytes(before));
                rows.add(before);
            }
            return;
        }
        List<@Nullable Object[]> read = sources.get(next).rows(before);
        long held = read.isEmpty() ? 0 : read.size() * Budget.rowBytes(read.getFirst().length);
        budget.hold(held);
        for (@Nullable Object[] values : read) {
            budget.spend(1);
            @Nullable Object[][] all = Arrays.copyOf(before.sources(), sources.size());
            all[next] = values;
            join(sources, new Row(all, before.outer(), before.aggregates()), next + 1, where, rows);
        }
        budget.letGo(held);
    }

    /** What a row of a join keeps, which the rows of its sources may be parts of. */
    private static long bytes(Row row) {
        long bytes = JOINED;
        for (@Nullable Object[] source : row.sources()) {
            bytes += Budget.rowBytes(source.length);
        }
        return bytes;
    }

    // Results

    private List<Output> outputs(List<Item> items, Scope scope, Aggregates aggregates) {
        List<Output> outputs = new ArrayList<>();
        for (Item item : items) {
            if (item.expression() instanceof Expression.Star star) {
                outputs.addAll(all(star, scope));
            } else {
                Typed value = coercion.decided(expressions.analyze(item.expression(), scope, Optional.of(aggregates)));
                outputs.add(new Output(item.label().orElseGet(() -> Labels.of(item.expression())), value));
            }
        }
        if (outputs.size() > MAX_COLUMNS) {
            throw SqlError.tooMuch("target lists can have at most %d entries".formatted(MAX_COLUMNS));
        }
        return outputs;
    }

    private List<Output> all(Expression.Star star, Scope scope) {
        if (scope.isEmpty() && star.relation().isEmpty()) {
            throw new SqlError("42601", "SELECT * with no tables specified is not valid").at(star.at());
        }
        if (star.relation().isPresent() && scope.source(star.relation().get()).isEmpty()) {
            throw new SqlError("42P01", "missing FROM-clause entry for table \"%s\"".formatted(SqlError.excerpt(star.relation().get()))).at(star.at());
        }
        List<Output> outputs = new ArrayList<>();
        for (int s = 0; s < scope.count(); s++) {
            if (star.relation().isPresent() && scope.source(star.relation().get()).get() != s) {
                continue;
            }
            for (int c = 0; c < scope.columns(s).size(); c++) {
                int source = s;
                int column = c;
                ResultColumn found = scope.columns(s).get(c);
                scope.noteAll(star.at(), found.name());
                budget.hold(OUTPUT);
                outputs.add(new Output(found.name(), new Typed(star.at(), found.type(), row -> row.sources()[source][column])));
            }
        }
        return outputs;
    }

    private Key key(Order order, List<Output> outputs, Scope scope, Aggregates aggregates) {
        Typed value = ordinal(order, outputs)
                .or(() -> labelled(order, outputs))
                .orElseGet(() -> coercion.decided(expressions.analyze(order.expression(), scope, Optional.of(aggregates))));
        if (Operators.comparable(value.type(), value.type()).isEmpty()) {
            throw new SqlError("42883", "could not identify an ordering operator for type %s".formatted(value.type())).at(order.expression().at());
        }
        return new Key(value, order.descending(), order.nullsFirst().orElse(order.descending()));
    }

    private static Optional<Typed> ordinal(Order order, List<Output> outputs) {
        if (!(order.expression() instanceof Expression.Constant(int at, var type, var value))) {
            return Optional.empty();
        }
        if (type != SqlType.INT4 || !(value instanceof Integer number)) {
            throw new SqlError("42601", "non-integer constant in ORDER BY").at(at);
        }
        if (number < 1 || number > outputs.size()) {
            throw new SqlError("42P10", "ORDER BY position %d is not in select list".formatted(number)).at(at);
        }
        return Optional.of(outputs.get(number - 1).value());
    }

    private static Optional<Typed> labelled(Order order, List<Output> outputs) {
        if (!(order.expression() instanceof Expression.ColumnName(_, var relation, var name)) || relation.isPresent()) {
            return Optional.empty();
        }
        return outputs.stream().filter(output -> output.name().equals(name)).findFirst().map(Output::value);
    }

    private List<Row> ordered(List<Row> rows, List<Key> keys) {
        if (keys.isEmpty()) {
            return rows;
        }
        record Sorted(Row row, List<@Nullable Object> by) {}
        Comparator<Sorted> order = (a, b) -> {
            int compared = 0;
            for (int i = 0; i < keys.size() && compared == 0; i++) {
                budget.spend(1);
                budget.look(a.by().get(i));
                compared = compare(keys.get(i), a.by().get(i), b.by().get(i));
            }
            return compared;
        };
        budget.hold(rows.size() * (SORTED + Budget.rowBytes(keys.size())));
        List<Row> ordered = rows.stream()
                .map(row -> new Sorted(row, values(keys, row)))
                .sorted(order)
                .map(Sorted::row)
                .toList();
        budget.letGo(rows.size() * (SORTED + Budget.rowBytes(keys.size())));
        return ordered;
    }

    private static List<@Nullable Object> values(List<Key> keys, Row row) {
        List<@Nullable Object> values = new ArrayList<>();
        keys.forEach(key -> values.add(key.value().of(row)));
        return values;
    }

    private static int compare(Key key, @Nullable Object a, @Nullable Object b) {
        if (a == null || b == null) {
            int nullFirst = a == null ? (b == null ? 0 : -1) : 1;
            return key.nullsFirst() ? nullFirst : -nullFirst;
        }
        int compared = Operators.compare(key.value().type(), a, b);
        return key.descending() ? -compared : compared;
    }

    private List<@Nullable Object[]> limited(List<Row> rows, List<Output> outputs, Optional<Typed> limit, @Nullable Row around) {
        long most = Long.MAX_VALUE;
        if (limit.isPresent() && limit.get().of(new Row(new Object[0][], around, Row.NO_AGGREGATES)) instanceof Long given) {
            if (given < 0) {
                throw new SqlError("2201W", "LIMIT must not be negative");
            }
            most = given;
        }
        List<@Nullable Object[]> results = new ArrayList<>();
        for (Row row : rows) {
            if (results.size() >= most) {
                break;
            }
            budget.spend(outputs.size());
            budget.hold(Budget.rowBytes(outputs.size()));
            results.add(outputs.stream().map(output -> output.value().of(row)).toArray());
        }
        return results;
    }
}
