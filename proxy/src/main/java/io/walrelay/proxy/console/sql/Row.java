package io.walrelay.proxy.console.sql;

import org.jspecify.annotations.Nullable;

/**
 * What an expression is evaluated against: one row of each source of its query, those of the query around it, and the results of aggregates.
 *
 * @param sources values by source and column; those that are not read yet are empty
 */
record Row(@Nullable Object[][] sources, @Nullable Row outer, @Nullable Object[] aggregates) {

    static final @Nullable Object[] NO_AGGREGATES = {};

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
