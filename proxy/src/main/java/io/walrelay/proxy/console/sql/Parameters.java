package io.walrelay.proxy.console.sql;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The parameters of a statement: their types, said by the client or found where they are used, and, when it is carried out, their values. */
public final class Parameters {

    /** How many a statement may have. */
    public static final int MAX = 1000;

    private final List<SqlType> types;
    private final List<@Nullable Object> values;

    private Parameters(List<SqlType> types, List<@Nullable Object> values) {
        this.types = new ArrayList<>(types);
        this.values = values;
    }

    /** @param declared {@link SqlType#UNKNOWN} for those that are to be found out; more may follow */
    public static Parameters declared(List<SqlType> declared) {
        return new Parameters(declared, List.of());
    }

    /** @param types of all, and for each of them a value */
    public static Parameters bound(List<SqlType> types, List<@Nullable Object> values) {
        return new Parameters(types, values);
    }

    /** Of all that were used or declared; text where nothing says what they are. */
    public List<SqlType> types() {
        return types.stream().map(type -> type == SqlType.UNKNOWN ? SqlType.TEXT : type).toList();
    }

    SqlType type(int number) {
        while (types.size() < number) {
            types.add(SqlType.UNKNOWN);
        }
        return types.get(number - 1);
    }

    void infer(int number, SqlType type) {
        types.set(number - 1, type);
    }

    @Nullable Object value(int number) {
        return values.get(number - 1);
    }
}
