package io.walrelay.proxy.console;

import io.walrelay.proxy.console.sql.ResultColumn;
import io.walrelay.proxy.console.sql.SqlType;
import io.walrelay.proxy.console.sql.Statement;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A prepared statement.
 *
 * @param statement empty for an empty query
 * @param length of its text
 * @param declared OIDs of the parameters as the client declared them, 0 where it did not: it is told the same again
 * @param columns empty when it gives no rows
 */
record Prepared(Optional<Statement> statement, int length, List<SqlType> parameters, List<Integer> declared, Optional<List<ResultColumn>> columns) {
    Prepared {
        declared = List.copyOf(declared);
        parameters = List.copyOf(parameters);
        columns = columns.map(List::copyOf);
    }

    List<Integer> parameterOids() {
        return IntStream.range(0, parameters.size())
                .mapToObj(i -> i < declared.size() && declared.get(i) != 0 ? declared.get(i) : Integer.valueOf(parameters.get(i).oid()))
                .toList();
    }

    /** Whether it ends a transaction, which is all that one that has failed takes. */
    boolean endsTransaction() {
        return statement.isPresent() && endsTransaction(statement.get());
    }

    static boolean endsTransaction(Statement statement) {
        return statement instanceof Statement.Transaction(var kind) && kind != Statement.Transaction.Kind.BEGIN;
    }
}
