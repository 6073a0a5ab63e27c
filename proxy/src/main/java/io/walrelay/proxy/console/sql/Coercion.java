package io.walrelay.proxy.console.sql;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Gives expressions the type that their place asks for (parse_coerce.c). */
final class Coercion {

    private final Parameters parameters;
    private final Budget budget;

    Coercion(Parameters parameters, Budget budget) {
        this.parameters = parameters;
        this.budget = budget;
    }

    /** {@code expression} as {@code type}, where it becomes that without a cast; empty where it does not. */
    Optional<Typed> implicit(Typed expression, SqlType type) {
        return expression.type().becomes(type) ? Optional.of(convert(expression, type)) : Optional.empty();
    }

    /** A cast that is written out. */
    Typed cast(Typed expression, SqlType type, int at) {
        if (!Casts.exists(expression.type(), type)) {
            throw new SqlError("42846", "cannot cast type %s to %s".formatted(expression.type(), type)).at(at);
        }
        return convert(expression, type);
    }

    /** What is of unknown type still when nothing more can say. */
    Typed decided(Typed expression) {
        return expression.type() == SqlType.UNKNOWN ? convert(expression, SqlType.TEXT) : expression;
    }

    private Typed convert(Typed expression, SqlType type) {
        SqlType from = expression.type();
        if (from == type) {
            return expression;
        }
        if (expression.undecided().isPresent() && expression.undecided().get() instanceof Expression.Constant constant) {
            Object value = constant(constant, type);
            return new Typed(expression.at(), type, _ -> value);
        }
        if (expression.undecided().isPresent() && expression.undecided().get() instanceof Expression.Parameter parameter) {
            parameters.infer(parameter.number(), type);
            return new Typed(expression.at(), type, _ -> parameters.value(parameter.number()));
        }
        return new Typed(expression.at(), type, row -> {
            Object value = expression.of(row);
            if (value == null) {
                return null;
            }
            Object made = Casts.convert(from, type, value, budget);
            if (!made.equals(value)) {
                budget.made(made);
            }
            return made;
        });
    }

    private @Nullable Object constant(Expression.Constant constant, SqlType type) {
        try {
            Object written = constant.value();
            return written == null ? null : Casts.convert(SqlType.UNKNOWN, type, written, budget);
        } catch (SqlError e) {
            throw e.at(constant.at());
        }
    }

    /**
     * The type that all of them can have (select_common_type).
     *
     * @param where they stand, for the error: CASE, COALESCE…
     */
    List<Typed> common(String where, List<Typed> expressions) {
        SqlType type = SqlType.UNKNOWN;
        for (Typed expression : expressions) {
            if (type == SqlType.UNKNOWN || (type != expression.type() && type.becomes(expression.type()) && !expression.type().becomes(type))) {
                type = expression.type();
            }
        }
        SqlType all = type == SqlType.UNKNOWN ? SqlType.TEXT : type;
        return expressions.stream()
                .map(expression -> implicit(expression, all).orElseThrow(() ->
                        new SqlError("42804", "%s types %s and %s cannot be matched".formatted(where, all, expression.type())).at(expression.at())))
                .toList();
    }

    /** What has to be a truth value. */
    Typed condition(String where, Typed expression) {
        return implicit(expression, SqlType.BOOL).orElseThrow(() ->
                new SqlError("42804", "argument of %s must be type boolean, not type %s".formatted(where, expression.type())).at(expression.at()));
    }
}
