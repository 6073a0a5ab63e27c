package io.walrelay.proxy.console.sql;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Values as JSON (json.c, datum_to_json). */
final class JsonFormat {

    private JsonFormat() {}

    static String write(SqlType type, Object value, Budget budget) {
        TextBuilder text = new TextBuilder(budget);
        append(text, type, value);
        return text.toString();
    }

    /** @throws SqlError 54000 when the text gets too long */
    static void append(TextBuilder text, SqlType type, @Nullable Object value) {
        if (value == null) {
            text.append("null");
            return;
        }
        switch (type) {
            case BOOL, JSON -> text.append(value.toString());
            case INT4, INT8, NUMERIC -> text.append(TextFormat.write(type, value));
            case FLOAT8 -> {
                String number = TextFormat.write(type, value);
                if (Double.isFinite((Double) value)) {
                    text.append(number);
                } else {
                    quoted(text, number);
                }
            }
            case RECORD -> object(text, (RowValue) value);
            case TIMESTAMPTZ -> quoted(text, TextFormat.write(type, value).replace(' ', 'T') + ":00");
            case OID, XID, TEXT, NAME, UNKNOWN, INET, INTERVAL, VOID, PG_LSN -> quoted(text, TextFormat.write(type, value));
        }
    }

    private static void object(TextBuilder text, RowValue row) {
        text.append("{");
        for (int i = 0; i < row.columns().size(); i++) {
            ResultColumn column = row.columns().get(i);
            text.append(i == 0 ? "" : ",");
            quoted(text, column.name());
            append(text.append(':'), column.type(), row.values().get(i));
        }
        text.append('}');
    }

    private static void quoted(TextBuilder quoted, String text) {
        quoted.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                case '\b' -> quoted.append("\\b");
                case '\f' -> quoted.append("\\f");
                default -> {
                    if (c < ' ') {
                        quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                    } else {
                        quoted.append(c);
                    }
                }
            }
        }
        quoted.append('"');
    }
}
