package io.walrelay.proxy.console;

import io.walrelay.proxy.console.sql.ResultColumn;
import io.walrelay.proxy.console.sql.SqlError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** A statement with values for its parameters, and what is left of its rows. Confined to its session. */
final class Portal {

    private final Prepared prepared;
    private final List<@Nullable Object> values;
    private final List<Short> formats;
    private final Queue<@Nullable Object[]> left = new ArrayDeque<>();
    private final long valueBytes;
    private long rowBytes;
    private boolean begun;

    /**
     * @param valueBytes what the values take
     * @param formats of all columns: none for all text, one for all, or one each
     */
    Portal(Prepared prepared, List<@Nullable Object> values, long valueBytes, List<Short> formats) {
        int columns = prepared.columns().map(List::size).orElse(0);
        if (formats.size() > 1 && formats.size() != columns) {
            throw new SqlError("08P01", "bind message has %d result formats but query has %d columns".formatted(formats.size(), columns));
        }
        formats.forEach(Portal::checkFormat);
        this.prepared = prepared;
        this.values = values;
        this.valueBytes = valueBytes;
        this.formats = formats;
    }

    static void checkFormat(short format) {
        if (format != 0 && format != 1) {
            throw new SqlError("22023", "unsupported format code: %d".formatted(format));
        }
    }

    /** The format of number {@code i} of a list that has none, one for all, or one each. */
    static short format(List<Short> formats, int i) {
        return formats.isEmpty() ? 0 : formats.size() == 1 ? formats.getFirst() : formats.get(i);
    }

    Prepared prepared() {
        return prepared;
    }

    List<@Nullable Object> values() {
        return values;
    }

    Optional<List<ResultColumn>> columns() {
        return prepared.columns();
    }

    short format(int column) {
        return format(formats, column);
    }

    /** False the second time. */
    boolean begin() {
        boolean first = !begun;
        begun = true;
        return first;
    }

    /** @param bytes what the rows take, in all */
    void hold(List<@Nullable Object[]> rows, long bytes) {
        left.addAll(rows);
        rowBytes = bytes;
    }

    int held() {
        return left.size();
    }

    /** What its values take and, until the last of them is fetched, its rows. */
    long bytes() {
        return valueBytes + (left.isEmpty() ? 0 : rowBytes);
    }

    /** @param most 0 for all */
    List<@Nullable Object[]> next(int most) {
        List<@Nullable Object[]> rows = new ArrayList<>();
        while (!left.isEmpty() && (most <= 0 || rows.size() < most)) {
            rows.add(left.remove());
        }
        return rows;
    }
}
