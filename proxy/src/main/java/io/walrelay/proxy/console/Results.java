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

/** Rows as messages, of all statements of one answer. */
final class Results {

    /** Bytes that one answer takes here, a third of which are sent or so. Ten thousand slots have six million. */
    private static final int MAX_BYTES = 8 << 20;
    /** Of a row, and of a value beside what it is. */
    private static final int ROW = 80;

    private static final int VALUE = 24;

    /** In text format, whatever the column. */
    static final IntFunction<Short> TEXT = _ -> (short) 0;

    private long bytes;

    static RowDescription description(List<ResultColumn> columns, IntFunction<Short> format) {
        List<Column> described = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            described.add(new Column(columns.get(i).name(), columns.get(i).type().oid(), columns.get(i).type().size(), format.apply(i)));
        }
        return new RowDescription(described);
    }

    @SuppressWarnings("NullAway") // It reads from the class file of BytesRow that no value is null, which its source says they may be.
    List<BackendMessage> rows(List<@Nullable Object[]> rows, List<ResultColumn> columns, IntFunction<Short> format) {
        List<BackendMessage> messages = new ArrayList<>();
        for (@Nullable Object[] row : rows) {
            List<byte @Nullable []> values = new ArrayList<>();
            bytes += ROW;
            for (int i = 0; i < row.length; i++) {
                Object value = row[i];
                byte @Nullable [] written = value == null ? null : written(columns.get(i), value, format.apply(i));
                bytes += Integer.BYTES + (written == null ? 0 : VALUE + written.length);
                if (bytes > MAX_BYTES) {
                    throw new SqlError("54000", "an answer that takes more than %d bytes of memory".formatted(MAX_BYTES));
                }
                values.add(written);
            }
            messages.add(new BytesRow(values));
        }
        return messages;
    }

    private static byte[] written(ResultColumn column, Object value, short format) {
        return format == 0 ? TextFormat.write(column.type(), value).getBytes(StandardCharsets.UTF_8) : BinaryFormat.write(column.type(), value);
    }
}
