package io.walrelay.proxy.console.sql;

import java.util.List;
import java.util.Optional;

/** A statement as it was written. */
public sealed interface Statement {

    /** A column of a select list. */
    record Item(Expression expression, Optional<String> label) {}

    /** Where rows come from. */
    sealed interface Source {
        int at();

        Optional<String> alias();

        record Named(int at, Optional<String> schema, String name, Optional<String> alias) implements Source {}

        record Function(int at, Expression.Call call, Optional<String> alias) implements Source {}

        record Derived(int at, Select query, Optional<String> alias) implements Source {}
    }

    record Order(Expression expression, boolean descending, Optional<Boolean> nullsFirst) {}

    /** {@code WITH name AS (query)}. */
    record With(String name, Select query) {}

    record Select(
            Optional<With> with,
            List<Item> items,
            List<Source> from,
            Optional<Expression> where,
            List<Order> order,
            Optional<Expression> limit)
            implements Statement {
        public Select {
            items = List.copyOf(items);
            from = List.copyOf(from);
            order = List.copyOf(order);
        }
    }

    /** @param name words folded and joined by an underscore: {@code SHOW TRANSACTION ISOLATION LEVEL} is {@code transaction_isolation} */
    record Show(int at, String name) implements Statement {}

    /** @param value empty for DEFAULT */
    record Set(int at, String name, Optional<String> value) implements Statement {}

    /** @param name empty for ALL */
    record Reset(int at, Optional<String> name) implements Statement {}

    record Transaction(Kind kind) implements Statement {
        public enum Kind {
            BEGIN,
            COMMIT,
            ROLLBACK
        }
    }

    /** DISCARD ALL, PLANS, SEQUENCES or TEMP, in upper case. */
    record Discard(String what) implements Statement {}

    /** @param name empty for ALL */
    record Deallocate(int at, Optional<String> name) implements Statement {}
}
