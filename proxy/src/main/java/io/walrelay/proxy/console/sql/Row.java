package io.walrelay.proxy.console.sql;

import org.jspecify.annotations.Nullable;

/** What an expression is evaluated against: one row of each source of its query, those of the query around it, and the results of aggregates.. Never compared. */
final class Row {

    static final @Nullable Object[] NO_AGGREGATES = {};

    private final @Nullable Object[][] sources;
    private final @Nullable Row outer;
    private final @Nullable Object[] aggregates;

    /** @param sources values by source and column; those that are not read yet are empty */
    Row(@Nullable Object[][] sources, @Nullable Row outer, @Nullable Object[] aggregates) {
        this.sources = sources;
        this.outer = outer;
        this.aggregates = aggregates;
    }

    @Nullable Object[][] sources() {
        return sources;
    }

    @Nullable Row outer() {
        return outer;
    }

    @Nullable Object[] aggregates() {
        return aggregates;
    }

    Row around(int levels) {
        Row row = this;
        for (int i = 0; i < levels; i++) {
            Row next = row.outer;
            if (next == null) {
                throw new IllegalStateException("a query around the outermost");
            }
            row = next;
        }
        return row;
    }
}
