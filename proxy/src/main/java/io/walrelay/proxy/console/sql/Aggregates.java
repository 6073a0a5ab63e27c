package io.walrelay.proxy.console.sql;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The aggregates of one query, without groups: each sees all rows and gives one value. */
final class Aggregates {

    static final Set<String> NAMES = Set.of("count", "max", "min", "sum", "json_agg");

    /** Takes the values of one execution. */
    private interface Accumulator {
        void add(@Nullable Object value);

        @Nullable Object result();
    }

    private record Aggregate(Typed argument, Function<Budget, Accumulator> begin) {}

    private final List<Aggregate> all = new ArrayList<>();

    boolean isEmpty() {
        return all.isEmpty();
    }

    /**
     * One more aggregate.
     *
     * @param argument empty for count(*)
     * @return what reads its result; empty when there is no such aggregate for the type
     */
    Optional<Typed> add(String name, int at, Optional<Typed> argument) {
        int number = all.size();
        SqlType type = argument.map(Typed::type).orElse(SqlType.BOOL);
        return result(name, type).map(result -> {
            all.add(new Aggregate(argument.orElseGet(() -> new Typed(at, SqlType.BOOL, _ -> true)), budget -> begin(name, type, result, budget)));
            return new Typed(at, result, row -> row.aggregates()[number]);
        });
    }

    private static Optional<SqlType> result(String name, SqlType type) {
        return switch (name) {
            case "count" -> Optional.of(SqlType.INT8);
            case "json_agg" -> Optional.of(SqlType.JSON);
            case "sum" -> switch (type) {
                case INT4 -> Optional.of(SqlType.INT8);
                case INT8, NUMERIC -> Optional.of(SqlType.NUMERIC);
                case FLOAT8, INTERVAL -> Optional.of(type);
                default -> Optional.empty();
            };
            default -> Operators.comparable(type, type).filter(t -> type != SqlType.BOOL && type != SqlType.XID);
        };
    }

    private static Accumulator begin(String name, SqlType type, SqlType result, Budget budget) {
        return switch (name) {
            case "count" -> new Count();
            case "json_agg" -> new JsonArray(type, budget);
            case "sum" -> new Fold((a, b) -> sum(result, a, b), first -> widened(result, first));
            case "max" -> new Fold((a, b) -> Operators.compare(result, a, b) >= 0 ? a : b, first -> first);
            default -> new Fold((a, b) -> Operators.compare(result, a, b) <= 0 ? a : b, first -> first);
        };
    }

    private static Object sum(SqlType result, Object so, Object next) {
        Operators.Work plus = Operators.find("+", result, result).orElseThrow().work();
        return plus.of(so, widened(result, next));
    }

    private static Object widened(SqlType result, Object value) {
        return switch (value) {
            case Integer i when result == SqlType.INT8 -> (long) i;
            case Long l when result == SqlType.NUMERIC -> BigDecimal.valueOf(l);
            default -> value;
        };
    }

    /** One after the other, so that at most one is half done. */
    @Nullable Object[] over(List<Row> rows, Budget budget) {
        @Nullable Object[] results = new Object[all.size()];
        for (int i = 0; i < results.length; i++) {
            Accumulator accumulator = all.get(i).begin().apply(budget);
            for (Row row : rows) {
                Object value = all.get(i).argument().of(row);
                budget.spend(1);
                budget.look(value);
                accumulator.add(value);
            }
            Object result = accumulator.result();
            if (result != null) {
                budget.made(result);
            }
            results[i] = result;
        }
        return results;
    }

    private static final class Count implements Accumulator {
        private long count;

        @Override
        public void add(@Nullable Object value) {
            count += value == null ? 0 : 1;
        }

        @Override
        public Object result() {
            return count;
        }
    }

    /** Folds all that is not NULL; NULL when there was nothing. */
    private static final class Fold implements Accumulator {
        private final Operators.Work fold;
        private final UnaryOperator<Object> first;
        private @Nullable Object so;

        Fold(Operators.Work fold, UnaryOperator<Object> first) {
            this.fold = fold;
            this.first = first;
        }

        @Override
        public void add(@Nullable Object value) {
            if (value != null) {
                Object before = so;
                so = before == null ? first.apply(value) : fold.of(before, value);
            }
        }

        @Override
        public @Nullable Object result() {
            return so;
        }
    }

    private static final class JsonArray implements Accumulator {
        private final SqlType type;
        private final TextBuilder text;

        JsonArray(SqlType type, Budget budget) {
            this.type = type;
            this.text = new TextBuilder(budget);
        }

        @Override
        public void add(@Nullable Object value) {
            text.append(text.isEmpty() ? "[" : type == SqlType.RECORD ? ", \n " : ", ");
            JsonFormat.append(text, type, value);
        }

        @Override
        public @Nullable Object result() {
            return text.isEmpty() ? null : text.append(']').toString();
        }
    }
}
