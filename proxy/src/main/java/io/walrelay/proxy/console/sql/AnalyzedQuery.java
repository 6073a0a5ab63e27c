package io.walrelay.proxy.console.sql;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A query whose columns are known and that can be carried out. */
record AnalyzedQuery(List<ResultColumn> columns, Execution execution) {

    interface Execution {
        /** @param outer the row of the query around it, if there is one */
        List<@Nullable Object[]> rows(@Nullable Row outer);
    }
}
