package io.walrelay.proxy.cli;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Text in one ink. Others wrote parts of it, so it is made {@link #harmless} first: only our own control characters reach a terminal. */
record Piece(String text, Ink ink) {

    private static final Pattern MEANT_FOR_TERMINALS = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]");

    Piece {
        text = harmless(text);
    }

    /** Without characters that would move a terminal, end a line or reorder it. */
    static String harmless(String text) {
        return MEANT_FOR_TERMINALS.matcher(text).replaceAll("?");
    }

    /** JSON as it is, but with such characters, which only strings have, written by their numbers. */
    static String escaped(String json) {
        return MEANT_FOR_TERMINALS.matcher(json).replaceAll(found -> found.group()
                .chars()
                .mapToObj("\\\\u%04x"::formatted)
                .collect(Collectors.joining()));
    }

    static Piece of(String text) {
        return new Piece(text, Ink.PLAIN);
    }

    static Piece good(String text) {
        return new Piece(text, Ink.GOOD);
    }

    static Piece warning(String text) {
        return new Piece(text, Ink.WARNING);
    }

    static Piece bad(String text) {
        return new Piece(text, Ink.BAD);
    }

    static Piece bold(String text) {
        return new Piece(text, Ink.BOLD);
    }

    static Piece faint(String text) {
        return new Piece(text, Ink.FAINT);
    }

    /** A line of pieces, without blanks at its end. */
    static String join(boolean colours, List<Piece> pieces) {
        return colours
                ? pieces.stream().map(piece -> piece.ink().paint(piece.text())).collect(Collectors.joining()).stripTrailing()
                : pieces.stream().map(Piece::text).collect(Collectors.joining()).stripTrailing();
    }

    static List<Piece> all(String... texts) {
        return Arrays.stream(texts).map(Piece::of).toList();
    }
}
