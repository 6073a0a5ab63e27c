package io.walrelay.proxy.console.sql;

import io.walrelay.proxy.console.sql.SqlToken.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * {@code pg_type}, as far as drivers ask for it. pgjdbc asks for the name of each type that it does not know, and in a join with what has schemas; of those
 * questions two are answered, both about one type by its OID: recognised by their words, they become a query of this relation.
 */
final class TypeRelation {

    private static final List<ResultColumn> COLUMNS = List.of(
            new ResultColumn("oid", SqlType.OID),
            new ResultColumn("typname", SqlType.NAME),
            new ResultColumn("typtype", SqlType.TEXT),
            new ResultColumn("nspname", SqlType.NAME));

    private static final Relation RELATION = new Relation("pg_type", COLUMNS, () -> Arrays.stream(SqlType.values()).map(TypeRelation::row).toList());

    private static final String BY_OID = " FROM pg_type WHERE oid = $1";

    private TypeRelation() {}

    static Optional<Relation> find(Optional<String> schema, String name) {
        return name.equals(RELATION.name()) && schema.orElse("pg_catalog").equals("pg_catalog") ? Optional.of(RELATION) : Optional.empty();
    }

    private static List<@Nullable Object> row(SqlType type) {
        boolean pseudo = type == SqlType.RECORD || type == SqlType.VOID || type == SqlType.UNKNOWN;
        return List.of((long) type.oid(), type.catalogName(), pseudo ? "p" : "b", "pg_catalog");
    }

    /** What a driver's question is here; the tokens as they are when it is none. */
    static List<SqlToken> simplified(List<SqlToken> tokens) {
        if (!has(tokens, "pg_type") || !isAboutOneOid(tokens)) {
            return tokens;
        }
        if (has(tokens, "typinput") && has(tokens, "is_array")) {
            return Lexer.tokens("SELECT false AS is_array, typtype, typname, oid" + BY_OID);
        }
        boolean name = has(tokens, "pg_namespace") && has(tokens, "current_schemas") && !has(tokens, "typelem") && !has(tokens, "typarray");
        return name ? Lexer.tokens("SELECT true, nspname, typname" + BY_OID) : tokens;
    }

    private static boolean has(List<SqlToken> tokens, String word) {
        return tokens.stream().anyMatch(token -> token.isWord(word));
    }

    /** {@code WHERE relation.oid = $1}, and no other parameter. */
    private static boolean isAboutOneOid(List<SqlToken> tokens) {
        List<String> kinds = new ArrayList<>();
        tokens.forEach(token -> kinds.add(token.kind() == Kind.PARAMETER ? "$" : token.text()));
        int parameter = kinds.indexOf("$");
        return parameter >= 5
                && kinds.lastIndexOf("$") == parameter
                && kinds.subList(parameter - 3, parameter).equals(List.of(".", "oid", "="))
                && kinds.get(parameter - 5).equals("where");
    }
}
