package io.walrelay.proxy.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** A table of the report, in Markdown. Confined to one thread. */
public final class Table {

    private final List<String> lines = new ArrayList<>();
    private final int columns;

    public Table(String... heads) {
        columns = heads.length;
        add(heads);
        lines.add("|" + String.join("|", Collections.nCopies(columns, " --- ")) + "|");
    }

    public Table row(String... cells) {
        if (cells.length != columns) {
            throw new IllegalArgumentException("%d cells; expected %d: %s".formatted(cells.length, columns, Arrays.toString(cells)));
        }
        add(cells);
        return this;
    }

    private void add(String... cells) {
        lines.add("| " + String.join(" | ", cells) + " |");
    }

    @Override
    public String toString() {
        return String.join("\n", lines) + "\n";
    }
}
