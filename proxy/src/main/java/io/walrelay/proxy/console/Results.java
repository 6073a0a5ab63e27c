package io.walrelay.proxy.console;

import io.walrelay.protocol.message.BackendMessage;
import io.walrelay.protocol.message.BackendMessage.BytesRow;
import io.walrelay.protocol.message.BackendMessage.RowDescription;
import io.walrelay.protocol.message.Column;
import io.walrelay.proxy.console.sql.BinaryFormat;
import io.walrelay.proxy.console.sql.ResultColumn;
import io.walrelay.proxy.console.sql.SqlError;
import io.walrelay.proxy.console.sql.TextFormat;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Rows as messages. */
final class Results {

    /** Bytes of one answer. Ten thousand slots have less than two million. */
    private static final int MAX_BYTES = 16 << 20;

    /** In text format, whatever the column. */
    static final IntFunction<Short> TEXT = _ -> (short) 0;

    private Results() {}

    static RowDescription description(List<ResultColumn> columns, IntFunction<Short> format) {
        List<Column> described = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            described.add(new Column(columns.get(i).name(), columns.get(i).type().oid(), columns.get(i).type().size(), format.apply(i)));
        }
        return new RowDescription(described);
    }

    @SuppressWarnings("NullAway") // It reads from the class file of BytesRow that no value is null, which its source says they may be.
    static List<BackendMessage> rows(List<@Nullable Object[]> rows, List<ResultColumn> columns, IntFunction<Short> format) {
        List<BackendMessage> messages = new ArrayList<>();
        long bytes = 0;
        for (@Nullable Object[] row : rows) {
            List<byte @Nullable []> values = new ArrayList<>();
            for (int i = 0; i < row.length; i++) {
                Object value = row[i];
                byte @Nullable [] written = value == null ? null : written(columns.get(i), value, format.apply(i));
                bytes += written == null ? Integer.BYTES : Integer.BYTES + written.length;
                values.add(written);
            }
            if (bytes > MAX_BYTES) {
                throw new SqlError("54000", "an answer of more than %d bytes".formatted(MAX_BYTES));
            }
            messages.add(new BytesRow(values));
        }
        return messages;
    }

    private static byte[] written(ResultColumn column, Object value, short format) {
        return format == 0 ? TextFormat.write(column.type(), value).getBytes(StandardCharsets.UTF_8) : BinaryFormat.write(column.type(), value);
    }
}
