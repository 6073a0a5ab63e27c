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
    String text(Budget budget) {
        TextBuilder text = new TextBuilder(budget).append('(');
        for (int i = 0; i < values.size(); i++) {
            text.append(i == 0 ? "" : ",");
            Object value = values.get(i);
            if (value != null) {
                SqlType type = columns.get(i).type();
                quoted(text, type == SqlType.RECORD ? ((RowValue) value).text(budget) : TextFormat.write(type, value));
            }
        }
        return text.append(')').toString();
    }

    private static void quoted(TextBuilder text, String field) {
        boolean plain = !field.isEmpty() && field.chars().noneMatch(c -> "\"\\(), \t\n\r\u000B\f".indexOf(c) >= 0);
        if (plain) {
            text.append(field);
            return;
        }
        text.append('"');
        for (int i = 0; i < field.length(); i++) {
            char c = field.charAt(i);
            text.append(c == '\\' ? "\\\\" : c == '"' ? "\"\"" : String.valueOf(c));
        }
        text.append('"');
    }
}
