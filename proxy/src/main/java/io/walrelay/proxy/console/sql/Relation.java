package io.walrelay.proxy.console.sql;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Rows by name: a view of PostgreSQL's or of the relay's.
 *
 * @param rows asked once for each time that the relation is read; each row has a value for each column
 */
public record Relation(String name, List<ResultColumn> columns, Supplier<List<List<@Nullable Object>>> rows) {
    public Relation {
        columns = List.copyOf(columns);
    }
}
