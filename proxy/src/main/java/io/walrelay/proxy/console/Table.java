package io.walrelay.proxy.console;

import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.ResultColumn;
import io.walrelay.proxy.console.sql.SqlType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A relation over objects of one kind: its columns, and for each what it has of such an object. */
final class Table<T> {

    private record Column<T>(ResultColumn column, Function<T, @Nullable Object> value) {}

    private final String name;
    private final List<Column<T>> columns = new ArrayList<>();

    Table(String name) {
        this.name = name;
    }

    Table<T> with(String column, SqlType type, Function<T, @Nullable Object> value) {
        columns.add(new Column<>(new ResultColumn(column, type), value));
        return this;
    }

    /** The same if {@code wanted}; for columns that came with a version. */
    Table<T> withIf(boolean wanted, String column, SqlType type, Function<T, @Nullable Object> value) {
        return wanted ? with(column, type, value) : this;
    }

    List<ResultColumn> columns() {
        return columns.stream().map(Column::column).toList();
    }

    List<@Nullable Object> row(T object) {
        List<@Nullable Object> row = new ArrayList<>(columns.size());
        columns.forEach(column -> row.add(column.value().apply(object)));
        return row;
    }

    Relation of(Supplier<List<T>> objects) {
        return new Relation(name, columns(), () -> objects.get().stream().map(this::row).toList());
    }
}
