package io.walrelay.proxy.console.sql;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Values as JSON (json.c, datum_to_json). */
final class JsonFormat {

    private JsonFormat() {}

    static String write(SqlType type, @Nullable Object value) {
        if (value == null) {
            return "null";
        }
        return switch (type) {
            case BOOL, JSON -> value.toString();
            case INT4, INT8, NUMERIC -> TextFormat.write(type, value);
            case FLOAT8 -> Double.isFinite((Double) value) ? TextFormat.write(type, value) : quoted(TextFormat.write(type, value));
            case RECORD -> object((RowValue) value);
            case TIMESTAMPTZ -> quoted(TextFormat.write(type, value).replace(' ', 'T') + ":00");
            case OID, XID, TEXT, NAME, UNKNOWN, INET, INTERVAL, VOID, PG_LSN -> quoted(TextFormat.write(type, value));
        };
    }

    private static String object(RowValue row) {
        StringBuilder text = new StringBuilder("{");
        for (int i = 0; i < row.columns().size(); i++) {
            ResultColumn column = row.columns().get(i);
            text.append(i == 0 ? "" : ",").append(quoted(column.name())).append(':').append(write(column.type(), row.values().get(i)));
        }
        return text.append('}').toString();
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
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
                default -> quoted.append(c < ' ' ? String.format(Locale.ROOT, "\\u%04x", (int) c) : String.valueOf(c));
            }
        }
        return quoted.append('"').toString();
    }
}
