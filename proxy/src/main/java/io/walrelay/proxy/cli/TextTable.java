package io.walrelay.proxy.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Columns as wide as their widest cell. */
final class TextTable {
    private final List<List<Piece>> rows = new ArrayList<>();
    private final int[] widths;

    TextTable(String... titles) {
        widths = new int[titles.length];
        row(Arrays.stream(titles).map(Piece::bold).toArray(Piece[]::new));
    }

    void row(String... cells) {
        row(Piece.all(cells).toArray(Piece[]::new));
    }

    void row(Piece... cells) {
        rows.add(List.of(cells));
        for (int i = 0; i < cells.length; i++) {
            widths[i] = Math.max(widths[i], cells[i].text().length());
        }
    }

    /** For those who know no colours. */
    List<String> lines() {
        return pieces().stream().map(line -> Piece.join(false, line)).toList();
    }

    List<List<Piece>> pieces() {
        return rows.stream().map(this::padded).toList();
    }

    private List<Piece> padded(List<Piece> cells) {
        List<Piece> line = new ArrayList<>();
        for (int i = 0; i < cells.size(); i++) {
            line.add(cells.get(i));
            line.add(Piece.of(" ".repeat(widths[i] - cells.get(i).text().length() + 2)));
        }
        return line;
    }
}
