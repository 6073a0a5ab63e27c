package io.walrelay.proxy.console.sql;

/**
 * A token of a query.
 *
 * @param text of a word folded to lower case, of what was quoted without quotes, else as written
 * @param at where it begins, in characters from 1 on
 * @param written as it stands in the query, for errors
 */
record SqlToken(Kind kind, String text, int at, String written) {

    enum Kind {
        WORD,
        QUOTED_WORD,
        STRING,
        INTEGER,
        DECIMAL,
        /** {@code $1}; the text is the number. */
        PARAMETER,
        SYMBOL,
        END
    }

    boolean isWord(String word) {
        return kind == Kind.WORD && text.equals(word);
    }

    boolean isSymbol(String symbol) {
        return kind == Kind.SYMBOL && text.equals(symbol);
    }
}
