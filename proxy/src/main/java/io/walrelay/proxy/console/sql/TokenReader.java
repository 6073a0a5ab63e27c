package io.walrelay.proxy.console.sql;

import io.walrelay.proxy.console.sql.SqlToken.Kind;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The tokens of a query in their order, and PostgreSQL's words for those that don't fit. */
final class TokenReader {

    /** How deep what is written may be nested, and how many operators may stand in one row: each is a frame of the stack later. */
    static final int MAX_DEPTH = 250;

    /** Words that name nothing unless they are quoted (kwlist.h, RESERVED_KEYWORD), as far as a SELECT may have them. */
    private static final Set<String> RESERVED = Set.of(
            "all", "and", "any", "array", "as", "asc", "both", "case", "cast", "check", "collate", "column", "cross", "default", "desc", "distinct",
            "do", "else", "end", "except", "false", "fetch", "for", "from", "full", "group", "having", "in", "inner", "intersect", "into", "is",
            "join", "leading", "left", "like", "limit", "natural", "not", "null", "offset", "on", "or", "order", "outer", "right", "select", "some",
            "table", "then", "to", "trailing", "true", "union", "using", "when", "where", "window", "with");

    /** What PostgreSQL knows how to go on with where a query of ours ends. */
    private static final Set<String> SQL_BEYOND = Set.of(
            "group", "having", "union", "intersect", "except", "window", "fetch", "offset", "for", "join", "left", "right", "full", "inner", "cross",
            "natural", "distinct", "into", "like", "ilike", "similar", "between", "collate", "any", "some", "array", "exists", "over", "filter", "at", "all", "as");

    private final List<SqlToken> tokens;
    private int next;
    private int depth;

    TokenReader(List<SqlToken> tokens) {
        this.tokens = tokens;
    }

    SqlToken peek() {
        return tokens.get(next);
    }

    /** The one behind {@link #peek}; the last is followed by itself. */
    SqlToken second() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    SqlToken take() {
        SqlToken taken = peek();
        if (taken.kind() != Kind.END) {
            next++;
        }
        return taken;
    }

    boolean takeWord(String word) {
        return takeIf(peek().isWord(word));
    }

    boolean takeSymbol(String symbol) {
        return takeIf(peek().isSymbol(symbol));
    }

    private boolean takeIf(boolean wanted) {
        if (wanted) {
            next++;
        }
        return wanted;
    }

    void expectWord(String word) {
        if (!takeWord(word)) {
            throw unexpected();
        }
    }

    void expectSymbol(String symbol) {
        if (!takeSymbol(symbol)) {
            throw unexpected();
        }
    }

    /** A name: quoted, or a word that is not reserved. */
    boolean isName() {
        return peek().kind() == Kind.QUOTED_WORD || (peek().kind() == Kind.WORD && !RESERVED.contains(peek().text()));
    }

    String name() {
        if (!isName()) {
            throw unexpected();
        }
        return take().text();
    }

    /** {@code AS label}, or a label alone. */
    Optional<String> label() {
        if (takeWord("as")) {
            boolean any = peek().kind() == Kind.WORD || peek().kind() == Kind.QUOTED_WORD;
            if (!any) {
                throw unexpected();
            }
            return Optional.of(take().text());
        }
        return isName() && !SQL_BEYOND.contains(peek().text()) ? Optional.of(take().text()) : Optional.empty();
    }

    /** One level down; with each operator of a row one more. Undone by {@link #up}. */
    void down() {
        depth++;
        if (depth > MAX_DEPTH) {
            throw new SqlError("54001", "the statement is too complex")
                    .withHint("the relay's console takes %d levels of parentheses and operators".formatted(MAX_DEPTH))
                    .at(peek().at());
        }
    }

    void up(int levels) {
        depth -= levels;
    }

    /** What is said of the next token when it can't stand where it does. */
    SqlError unexpected() {
        SqlToken token = peek();
        if (token.kind() == Kind.WORD && SQL_BEYOND.contains(token.text())) {
            return SqlError.unsupported(token.written().toUpperCase(Locale.ROOT)).at(token.at());
        }
        return syntaxError();
    }

    SqlError syntaxError() {
        SqlToken token = peek();
        String where = token.kind() == Kind.END ? "at end of input" : "at or near \"%s\"".formatted(SqlError.excerpt(token.written()));
        return new SqlError("42601", "syntax error " + where).withHint(SqlError.HELP).at(token.at());
    }
}
