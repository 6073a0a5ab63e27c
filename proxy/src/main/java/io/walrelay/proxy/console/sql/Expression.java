package io.walrelay.proxy.console.sql;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An expression as it was written; {@code at} is its character in the query, from 1 on. */
sealed interface Expression {

    int at();

    /** A constant. Text and NULL are of unknown type until something says which. */
    record Constant(int at, SqlType type, @Nullable Object value) implements Expression {}

    record ColumnName(int at, Optional<String> relation, String name) implements Expression {}

    /** {@code *} or {@code relation.*}: all columns in a select list, a row as an argument. */
    record Star(int at, Optional<String> relation) implements Expression {}

    /** {@code $1} and so on. */
    record Parameter(int at, int number) implements Expression {}

    /** @param star whether {@code *} stood for the arguments, as in count(*) */
    record Call(int at, String name, List<Expression> arguments, boolean star) implements Expression {
        public Call {
            arguments = List.copyOf(arguments);
        }
    }

    record Cast(int at, Expression operand, SqlType type) implements Expression {}

    record Not(int at, Expression operand) implements Expression {}

    record Negative(int at, Expression operand) implements Expression {}

    record Binary(int at, String operator, Expression left, Expression right) implements Expression {}

    /** {@code IS [NOT] NULL}. */
    record IsNull(int at, Expression operand, boolean negated) implements Expression {}

    /** {@code IS [NOT] TRUE} and {@code FALSE}. */
    record IsTruth(int at, Expression operand, boolean truth, boolean negated) implements Expression {}

    record In(int at, Expression operand, List<Expression> list, boolean negated) implements Expression {
        public In {
            list = List.copyOf(list);
        }
    }

    record When(Expression condition, Expression result) {}

    record Case(int at, Optional<Expression> operand, List<When> branches, Optional<Expression> otherwise) implements Expression {
        public Case {
            branches = List.copyOf(branches);
        }
    }

    /** One row of one column at most. */
    record Subquery(int at, Statement.Select query) implements Expression {}
}
