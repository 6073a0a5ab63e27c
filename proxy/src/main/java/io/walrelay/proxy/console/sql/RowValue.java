package io.walrelay.proxy.console.sql;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A row as a value, with its columns: what a function gives that has more than one. */
public record RowValue(List<ResultColumn> columns, List<@Nullable Object> values) {

    public RowValue {
        columns = List.copyOf(columns);
        values = Collections.unmodifiableList(new ArrayList<>(values));
    }

    /** As record_out writes it: {@code (a,"b c",)}. */
    String text() {
        StringBuilder text = new StringBuilder("(");
        for (int i = 0; i < values.size(); i++) {
            text.append(i == 0 ? "" : ",");
            Object value = values.get(i);
            if (value != null) {
                text.append(quoted(TextFormat.write(columns.get(i).type(), value)));
            }
        }
        return text.append(')').toString();
    }

    private static String quoted(String field) {
        boolean plain = !field.isEmpty() && field.chars().noneMatch(c -> "\"\\(), \t\n\r\u000B\f".indexOf(c) >= 0);
        return plain ? field : '"' + field.replace("\\", "\\\\").replace("\"", "\"\"") + '"';
    }
}
