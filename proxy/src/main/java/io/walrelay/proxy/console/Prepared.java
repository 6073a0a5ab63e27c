package io.walrelay.proxy.console;

import io.walrelay.proxy.console.sql.ResultColumn;
import io.walrelay.proxy.console.sql.SqlType;
import io.walrelay.proxy.console.sql.Statement;
import java.util.List;
import java.util.Optional;

/**
 * A prepared statement.
 *
 * @param statement empty for an empty query
 * @param length of its text
 * @param columns empty when it gives no rows
 */
record Prepared(Optional<Statement> statement, int length, List<SqlType> parameters, Optional<List<ResultColumn>> columns) {
    Prepared {
        parameters = List.copyOf(parameters);
        columns = columns.map(List::copyOf);
    }

    /** Whether it ends a transaction, which is all that one that has failed takes. */
    boolean endsTransaction() {
        return statement.isPresent() && endsTransaction(statement.get());
    }

    static boolean endsTransaction(Statement statement) {
        return statement instanceof Statement.Transaction(var kind) && kind != Statement.Transaction.Kind.BEGIN;
    }
}
