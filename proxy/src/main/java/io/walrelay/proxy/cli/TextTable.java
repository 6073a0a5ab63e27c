package io.walrelay.proxy.cli;

import java.util.ArrayList;
import java.util.List;

/** Columns as wide as their widest cell. */
final class TextTable {
    private final List<String[]> rows = new ArrayList<>();
    private final int[] widths;

    TextTable(String... titles) {
        widths = new int[titles.length];
        row(titles);
    }

    void row(String... cells) {
        rows.add(cells);
        for (int i = 0; i < cells.length; i++) {
            widths[i] = Math.max(widths[i], cells[i].length());
        }
    }

    List<String> lines() {
        return rows.stream().map(this::join).toList();
    }

    private String join(String[] cells) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < cells.length; i++) {
            line.append(cells[i]).repeat(' ', widths[i] - cells[i].length() + 2);
        }
        return line.toString().stripTrailing();
    }
}
