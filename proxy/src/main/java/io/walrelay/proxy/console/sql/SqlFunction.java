package io.walrelay.proxy.console.sql;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A function that may be called, one for each list of arguments. Strict unless it says otherwise: with a NULL among the arguments the result is NULL, or no rows.
 *
 * @param columns of the rows that it gives; empty when it gives one value of type {@code result}
 * @param set whether it gives any number of rows; else it gives one
 * @param onNull what is called, without arguments, when one of them is NULL; empty for a strict function
 */
public record SqlFunction(
        String name, List<SqlType> parameters, SqlType result, List<ResultColumn> columns, boolean set, Body body, Optional<Body> onNull) {

    /** Gives a value, a {@link RowValue}, or a list of those. May do anything that the function is for, on the thread that evaluates. */
    public interface Body {
        @Nullable Object call(List<Object> arguments);
    }

    public SqlFunction {
        parameters = List.copyOf(parameters);
        columns = List.copyOf(columns);
    }

    public static SqlFunction scalar(String name, List<SqlType> parameters, SqlType result, Body body) {
        return new SqlFunction(name, parameters, result, List.of(), false, body, Optional.empty());
    }

    /** One that gives one row. */
    public static SqlFunction row(String name, List<SqlType> parameters, List<ResultColumn> columns, Body body) {
        return new SqlFunction(name, parameters, SqlType.RECORD, columns, false, body, Optional.empty());
    }

    /** One that gives rows; its body a list of {@link RowValue}s. */
    public static SqlFunction rows(String name, List<SqlType> parameters, List<ResultColumn> columns, Body body) {
        return new SqlFunction(name, parameters, SqlType.RECORD, columns, true, body, Optional.empty());
    }

    /** The same, but not strict. */
    public SqlFunction onNull(Body instead) {
        return new SqlFunction(name, parameters, result, columns, set, body, Optional.of(instead));
    }
}
