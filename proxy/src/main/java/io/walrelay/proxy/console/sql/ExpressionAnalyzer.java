package io.walrelay.proxy.console.sql;

import io.walrelay.proxy.console.sql.Expression.Binary;
import io.walrelay.proxy.console.sql.Expression.Call;
import io.walrelay.proxy.console.sql.Expression.Case;
import io.walrelay.proxy.console.sql.Expression.ColumnName;
import io.walrelay.proxy.console.sql.Expression.Constant;
import io.walrelay.proxy.console.sql.Expression.In;
import io.walrelay.proxy.console.sql.Expression.Parameter;
import io.walrelay.proxy.console.sql.Expression.Star;
import io.walrelay.proxy.console.sql.Expression.When;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Finds out what the names in expressions mean and of which type they are (parse_expr.c, parse_func.c, parse_oper.c). Evaluates nothing. */
final class ExpressionAnalyzer {

    /** What a function call came out as. */
    record Called(SqlFunction function, List<Typed> arguments) {}

    /** Bytes of an expression that is analyzed, about. */
    private static final int ANALYZED = 150;

    private final Catalog catalog;
    private final Parameters parameters;
    private final Coercion coercion;
    private final Budget budget;
    private final QueryAnalyzer queries;

    ExpressionAnalyzer(Catalog catalog, Parameters parameters, Coercion coercion, Budget budget, QueryAnalyzer queries) {
        this.catalog = catalog;
        this.parameters = parameters;
        this.coercion = coercion;
        this.budget = budget;
        this.queries = queries;
    }

    /** @param aggregates where those of the query are gathered; empty where none may stand */
    Typed analyze(Expression expression, Scope scope, Optional<Aggregates> aggregates) {
        budget.spend(1);
        budget.hold(ANALYZED);
        return switch (expression) {
            case Constant constant -> new Typed(
                    constant.at(), constant.type(), constant.type() == SqlType.UNKNOWN ? Optional.of(constant) : Optional.empty(), _ -> constant.value());
            case Parameter parameter -> parameter(parameter);
            case ColumnName name -> column(name, scope);
            case Star star -> wholeRow(star, scope);
            case Call call -> call(call, scope, aggregates);
            case Expression.Cast(int at, var operand, var type) -> coercion.cast(analyze(operand, scope, aggregates), type, at);
            case Expression.Not(int at, var operand) -> {
                Typed truth = coercion.condition("NOT", analyze(operand, scope, aggregates));
                yield new Typed(at, SqlType.BOOL, row -> truth.of(row) instanceof Boolean known ? !known : null);
            }
            case Expression.Negative negative -> negative(negative, analyze(negative.operand(), scope, aggregates));
            case Binary binary when binary.operator().equals("and") || binary.operator().equals("or") -> junction(binary, scope, aggregates);
            case Binary binary ->
                operator(binary.at(), binary.operator(), analyze(binary.left(), scope, aggregates), analyze(binary.right(), scope, aggregates));
            case Expression.IsNull(int at, var operand, boolean negated) -> {
                Typed tested = coercion.decided(analyze(operand, scope, aggregates));
                yield new Typed(at, SqlType.BOOL, row -> (tested.of(row) == null) != negated);
            }
            case Expression.IsTruth(int at, var operand, boolean truth, boolean negated) -> {
                Typed tested = coercion.condition("IS " + (truth ? "TRUE" : "FALSE"), analyze(operand, scope, aggregates));
                yield new Typed(at, SqlType.BOOL, row -> Boolean.valueOf(truth).equals(tested.of(row)) != negated);
            }
            case In in -> membership(in, scope, aggregates);
            case Case branches -> branches(branches, scope, aggregates);
            case Expression.Subquery(int at, var query) -> scalar(at, query, scope);
        };
    }

    private List<Typed> all(List<Expression> expressions, Scope scope, Optional<Aggregates> aggregates) {
        return expressions.stream().map(e -> analyze(e, scope, aggregates)).toList();
    }

    private Typed parameter(Parameter parameter) {
        SqlType type = parameters.type(parameter.number());
        return new Typed(
                parameter.at(), type, type == SqlType.UNKNOWN ? Optional.of(parameter) : Optional.empty(), _ -> parameters.value(parameter.number()));
    }

    private Typed column(ColumnName name, Scope scope) {
        budget.spend(scope.count());
        boolean row = name.relation().isEmpty() && scope.source(name.name()).isPresent() && !hasColumn(name.name(), scope);
        if (row) {
            return wholeRow(new Star(name.at(), Optional.of(name.name())), scope);
        }
        Scope.Place place = scope.find(name);
        return new Typed(name.at(), place.type(), at -> {
            budget.spend(1);
            return at.around(place.levels()).sources()[place.source()][place.column()];
        });
    }

    private static boolean hasColumn(String name, Scope scope) {
        return Stream.iterate(0, s -> s < scope.count(), s -> s + 1).anyMatch(s -> scope.columns(s).stream().anyMatch(c -> c.name().equals(name)));
    }

    private Typed wholeRow(Star star, Scope scope) {
        Optional<Integer> source = star.relation().flatMap(scope::source);
        if (source.isEmpty()) {
            throw star.relation().isEmpty()
                    ? new SqlError("42601", "syntax error at or near \"*\"").at(star.at())
                    : new SqlError("42P01", "missing FROM-clause entry for table \"%s\"".formatted(SqlError.excerpt(star.relation().get()))).at(star.at());
        }
        int number = source.get();
        scope.noteAll(star.at(), scope.alias(number) + ".*");
        List<ResultColumn> columns = scope.columns(number);
        return new Typed(star.at(), SqlType.RECORD, row -> {
            budget.spend(columns.size());
            return charged(new RowValue(columns, Arrays.asList(row.sources()[number])));
        });
    }

    private Typed negative(Expression.Negative negative, Typed operand) {
        SqlType type = operand.type();
        if (type == SqlType.INTERVAL) {
            return new Typed(negative.at(), type, row -> charged(operand.of(row) instanceof Interval interval ? interval.negated() : null));
        }
        if (!type.isNumber()) {
            throw new SqlError("42883", "operator does not exist: - %s".formatted(type)).withHint(SqlError.HELP).at(negative.at());
        }
        return operator(negative.at(), "-", new Typed(negative.at(), SqlType.INT4, _ -> 0), operand);
    }

    private Typed operator(int at, String operator, Typed left, Typed right) {
        Operators.Found found = Operators.find(operator, left.type(), right.type()).orElseThrow(() ->
                new SqlError("42883", "operator does not exist: %s %s %s".formatted(left.type(), operator, right.type())).withHint(SqlError.HELP).at(at));
        Typed l = coercion.cast(left, found.left(), at);
        Typed r = coercion.cast(right, found.right(), at);
        return new Typed(at, found.result(), row -> {
            Object a = l.of(row);
            Object b = r.of(row);
            if (a == null || b == null) {
                return null;
            }
            budget.look(a);
            budget.look(b);
            return charged(found.work().of(a, b));
        });
    }

    /** Three-valued: a side that decides alone is enough. */
    private Typed junction(Binary binary, Scope scope, Optional<Aggregates> aggregates) {
        boolean decisive = binary.operator().equals("or");
        String where = decisive ? "OR" : "AND";
        Typed left = coercion.condition(where, analyze(binary.left(), scope, aggregates));
        Typed right = coercion.condition(where, analyze(binary.right(), scope, aggregates));
        return new Typed(binary.at(), SqlType.BOOL, row -> {
            budget.spend(1);
            Object a = left.of(row);
            if (a instanceof Boolean known && known == decisive) {
                return known;
            }
            Object b = right.of(row);
            if (b instanceof Boolean known && known == decisive) {
                return known;
            }
            return a == null || b == null ? null : !decisive;
        });
    }

    private Typed membership(In in, Scope scope, Optional<Aggregates> aggregates) {
        Held held = new Held(coercion.decided(analyze(in.operand(), scope, aggregates)));
        List<Typed> equal = all(in.list(), scope, aggregates).stream().map(candidate -> operator(in.at(), "=", held.expression(), candidate)).toList();
        return new Typed(in.at(), SqlType.BOOL, row -> {
            held.evaluate(row);
            boolean unknown = false;
            for (Typed one : equal) {
                Object same = one.of(row);
                if (Boolean.TRUE.equals(same)) {
                    return !in.negated();
                }
                unknown |= same == null;
            }
            return unknown ? null : in.negated();
        });
    }

    /** A value that is looked at several times and found out once. */
    private static final class Held {
        private final Typed source;
        private @Nullable Object value;

        Held(Typed source) {
            this.source = source;
        }

        Typed expression() {
            return new Typed(source.at(), source.type(), _ -> value);
        }

        void evaluate(Row row) {
            value = source.of(row);
        }
    }

    private Typed branches(Case branches, Scope scope, Optional<Aggregates> aggregates) {
        Optional<Held> operand = branches.operand().map(o -> new Held(coercion.decided(analyze(o, scope, aggregates))));
        List<Typed> conditions = new ArrayList<>();
        List<Typed> results = new ArrayList<>();
        for (When branch : branches.branches()) {
            Typed condition = analyze(branch.condition(), scope, aggregates);
            conditions.add(operand.isPresent()
                    ? operator(condition.at(), "=", operand.get().expression(), condition)
                    : coercion.condition("CASE/WHEN", condition));
            results.add(analyze(branch.result(), scope, aggregates));
        }
        results.add(branches.otherwise()
                .map(e -> analyze(e, scope, aggregates))
                .orElseGet(() -> analyze(new Constant(branches.at(), SqlType.UNKNOWN, null), scope, aggregates)));
        List<Typed> same = coercion.common("CASE", results);
        return new Typed(branches.at(), same.getFirst().type(), row -> {
            operand.ifPresent(held -> held.evaluate(row));
            for (int i = 0; i < conditions.size(); i++) {
                budget.spend(1);
                if (Boolean.TRUE.equals(conditions.get(i).of(row))) {
                    return same.get(i).of(row);
                }
            }
            return same.getLast().of(row);
        });
    }

    private Typed scalar(int at, Statement.Select select, Scope scope) {
        AnalyzedQuery query = queries.analyze(select, scope);
        if (query.columns().size() != 1) {
            throw new SqlError("42601", "subquery must return only one column").at(at);
        }
        return new Typed(at, query.columns().getFirst().type(), row -> {
            List<@Nullable Object[]> rows = queries.within(query, row);
            if (rows.size() > 1) {
                throw new SqlError("21000", "more than one row returned by a subquery used as an expression");
            }
            return rows.isEmpty() ? null : rows.getFirst()[0];
        });
    }

    private Typed call(Call call, Scope scope, Optional<Aggregates> aggregates) {
        if (Aggregates.NAMES.contains(call.name())) {
            return aggregate(call, scope, aggregates);
        }
        List<Typed> arguments = all(call.arguments(), scope, aggregates);
        return switch (call.name()) {
            case "coalesce" -> firstKnown(call, arguments);
            case "greatest", "least" -> extreme(call, arguments);
            case "nullif" -> nullIf(call, arguments);
            case "row_to_json", "to_json" -> json(call, arguments);
            default -> {
                Called called = resolve(call, arguments);
                if (called.function().set()) {
                    throw new SqlError("0A000", "set-returning functions are not allowed in the select list of the relay's console")
                            .withHint("SELECT * FROM %s(…)".formatted(call.name()))
                            .at(call.at());
                }
                yield new Typed(call.at(), called.function().result(), row -> invoke(called, row));
            }
        };
    }

    private Typed aggregate(Call call, Scope scope, Optional<Aggregates> aggregates) {
        if (aggregates.isEmpty()) {
            throw new SqlError("42803", "aggregate functions are not allowed here").at(call.at());
        }
        if (!scope.enterAggregate()) {
            throw new SqlError("42803", "aggregate function calls cannot be nested").at(call.at());
        }
        List<Typed> arguments = all(call.arguments(), scope, Optional.empty()).stream().map(coercion::decided).toList();
        scope.leaveAggregate();
        boolean all = call.star() && call.name().equals("count");
        if (!all && arguments.size() != 1) {
            throw undefined(call, arguments);
        }
        return aggregates.get().add(call.name(), call.at(), all ? Optional.empty() : Optional.of(arguments.getFirst())).orElseThrow(() -> undefined(call, arguments));
    }

    private Typed firstKnown(Call call, List<Typed> arguments) {
        List<Typed> same = coercion.common("COALESCE", atLeastOne(call, arguments));
        return new Typed(call.at(), same.getFirst().type(), row -> {
            for (Typed argument : same) {
                Object value = argument.of(row);
                if (value != null) {
                    return value;
                }
            }
            return null;
        });
    }

    private Typed extreme(Call call, List<Typed> arguments) {
        int sign = call.name().equals("greatest") ? 1 : -1;
        List<Typed> same = coercion.common(call.name().toUpperCase(Locale.ROOT), atLeastOne(call, arguments));
        SqlType type = same.getFirst().type();
        if (Operators.comparable(type, type).isEmpty()) {
            throw new SqlError("42883", "could not identify a comparison function for type %s".formatted(type)).at(call.at());
        }
        return new Typed(call.at(), type, row -> {
            Object best = null;
            for (Typed argument : same) {
                Object value = argument.of(row);
                budget.look(value);
                if (value != null && (best == null || sign * Operators.compare(type, value, best) > 0)) {
                    best = value;
                }
            }
            return best;
        });
    }

    private static List<Typed> atLeastOne(Call call, List<Typed> arguments) {
        if (arguments.isEmpty()) {
            throw new SqlError("42601", "%s has no arguments; expected at least one".formatted(call.name())).at(call.at());
        }
        return arguments;
    }

    private Typed nullIf(Call call, List<Typed> arguments) {
        if (arguments.size() != 2) {
            throw undefined(call, arguments);
        }
        Held held = new Held(coercion.decided(arguments.get(0)));
        Typed same = operator(call.at(), "=", held.expression(), arguments.get(1));
        return new Typed(call.at(), held.expression().type(), row -> {
            held.evaluate(row);
            return Boolean.TRUE.equals(same.of(row)) ? null : held.value;
        });
    }

    private Typed json(Call call, List<Typed> arguments) {
        if (arguments.size() != 1) {
            throw undefined(call, arguments);
        }
        Typed argument = coercion.decided(arguments.getFirst());
        return new Typed(call.at(), SqlType.JSON, row -> {
            Object value = argument.of(row);
            return value == null ? null : charged(JsonFormat.write(argument.type(), value, budget));
        });
    }

    /** A call of a function as a source of rows; its arguments may use the sources before it. */
    Called source(Call call, Scope scope) {
        return resolve(call, all(call.arguments(), scope, Optional.empty()));
    }

    /** The first for whose parameters no argument needs a cast, else the first for which all do without one that is written out. */
    private Called resolve(Call call, List<Typed> arguments) {
        Stream<SqlFunction> pure = call.name().equals("extract") ? BuiltIns.extract(catalog.serverMajor()) : BuiltIns.called(call.name());
        List<SqlFunction> candidates = Stream.concat(pure, catalog.functions(call.name()).stream())
                .filter(_ -> !call.star())
                .filter(function -> function.parameters().size() == arguments.size())
                .filter(function -> matches(function, arguments, false))
                .toList();
        SqlFunction function = candidates.stream()
                .filter(candidate -> matches(candidate, arguments, true))
                .findFirst()
                .or(() -> candidates.stream().findFirst())
                .orElseThrow(() -> undefined(call, arguments));
        List<Typed> converted = new ArrayList<>();
        for (int i = 0; i < arguments.size(); i++) {
            converted.add(coercion.implicit(arguments.get(i), function.parameters().get(i)).orElseThrow());
        }
        return new Called(function, converted);
    }

    private static boolean matches(SqlFunction function, List<Typed> arguments, boolean exactly) {
        for (int i = 0; i < arguments.size(); i++) {
            SqlType given = arguments.get(i).type();
            SqlType wanted = function.parameters().get(i);
            if (exactly ? given != wanted : !given.becomes(wanted)) {
                return false;
            }
        }
        return true;
    }

    @Nullable Object invoke(Called called, Row row) {
        budget.spend(1);
        SqlFunction function = called.function();
        List<Object> values = new ArrayList<>();
        for (Typed argument : called.arguments()) {
            Object value = argument.of(row);
            if (value == null) {
                return charged(function.onNull().isPresent() ? function.onNull().get().call(List.of()) : null);
            }
            budget.look(value);
            values.add(value);
        }
        return charged(function.body().call(values));
    }

    private @Nullable Object charged(@Nullable Object made) {
        if (made != null) {
            budget.made(made);
        }
        return made;
    }

    private static SqlError undefined(Call call, List<Typed> arguments) {
        String types = call.star() ? "*" : arguments.stream().map(a -> a.type().toString()).collect(Collectors.joining(", "));
        return new SqlError("42883", "function %s(%s) does not exist".formatted(SqlError.excerpt(call.name()), types)).withHint(SqlError.HELP).at(call.at());
    }
}
