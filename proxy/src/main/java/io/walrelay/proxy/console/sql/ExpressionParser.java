package io.walrelay.proxy.console.sql;

import io.walrelay.proxy.console.sql.Expression.Binary;
import io.walrelay.proxy.console.sql.Expression.Call;
import io.walrelay.proxy.console.sql.Expression.Case;
import io.walrelay.proxy.console.sql.Expression.Cast;
import io.walrelay.proxy.console.sql.Expression.ColumnName;
import io.walrelay.proxy.console.sql.Expression.Constant;
import io.walrelay.proxy.console.sql.Expression.In;
import io.walrelay.proxy.console.sql.Expression.IsNull;
import io.walrelay.proxy.console.sql.Expression.IsTruth;
import io.walrelay.proxy.console.sql.Expression.Negative;
import io.walrelay.proxy.console.sql.Expression.Not;
import io.walrelay.proxy.console.sql.Expression.Parameter;
import io.walrelay.proxy.console.sql.Expression.Star;
import io.walrelay.proxy.console.sql.Expression.Subquery;
import io.walrelay.proxy.console.sql.Expression.When;
import io.walrelay.proxy.console.sql.SqlToken.Kind;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** Expressions by recursive descent, with the precedence of gram.y: OR, AND, NOT, IS, comparison, IN, other operators, sum, product, sign, cast. */
final class ExpressionParser {

    private static final String SCHEMA = "pg_catalog";
    /** Functions of the standard that are called without parentheses. */
    private static final Set<String> NILADIC = Set.of("current_user", "session_user", "user", "current_catalog", "current_timestamp", "current_role");
    private static final BigDecimal MAX_BIGINT = BigDecimal.valueOf(Long.MAX_VALUE);

    private final TokenReader in;
    private final Supplier<Statement.Select> subquery;

    /** @param subquery reads a query in parentheses, from behind the first to before the second */
    ExpressionParser(TokenReader in, Supplier<Statement.Select> subquery) {
        this.in = in;
        this.subquery = subquery;
    }

    Expression expression() {
        return row(this::conjunction, () -> in.peek().isWord("or"), "or");
    }

    private Expression conjunction() {
        return row(this::negation, () -> in.peek().isWord("and"), "and");
    }

    /** Operands with one kind of operator between them, the left ones first. */
    private Expression row(Supplier<Expression> operand, Supplier<Boolean> more, String... named) {
        in.down();
        int levels = 1;
        Expression left = operand.get();
        while (more.get()) {
            in.down();
            levels++;
            SqlToken operator = in.take();
            left = new Binary(operator.at(), named.length == 0 ? operator.text() : named[0], left, operand.get());
        }
        in.up(levels);
        return left;
    }

    private Expression negation() {
        SqlToken first = in.peek();
        if (in.takeWord("not")) {
            in.down();
            Expression operand = negation();
            in.up(1);
            return new Not(first.at(), operand);
        }
        return test();
    }

    private Expression test() {
        Expression operand = comparison();
        int levels = 0;
        while (in.peek().isWord("is") || in.peek().isWord("isnull") || in.peek().isWord("notnull")) {
            in.down();
            levels++;
            operand = oneTest(operand);
        }
        in.up(levels);
        return operand;
    }

    private Expression oneTest(Expression operand) {
        SqlToken word = in.take();
        if (!word.isWord("is")) {
            return new IsNull(word.at(), operand, word.isWord("notnull"));
        }
        boolean negated = in.takeWord("not");
        if (in.takeWord("null")) {
            return new IsNull(word.at(), operand, negated);
        }
        boolean truth = in.peek().isWord("true");
        if (truth || in.peek().isWord("false")) {
            in.take();
            return new IsTruth(word.at(), operand, truth, negated);
        }
        throw in.unexpected();
    }

    /** Comparisons do not stand in a row. */
    private Expression comparison() {
        Expression left = membership();
        SqlToken operator = in.peek();
        if (operator.kind() != Kind.SYMBOL || !Operators.isComparison(operator.text())) {
            return left;
        }
        in.take();
        return new Binary(operator.at(), operator.text(), left, membership());
    }

    private Expression membership() {
        Expression operand = other();
        SqlToken at = in.peek();
        boolean negated = at.isWord("not") && in.second().isWord("in");
        if (!negated && !at.isWord("in")) {
            return operand;
        }
        if (negated) {
            in.take();
        }
        in.take();
        in.expectSymbol("(");
        if (in.peek().isWord("select")) {
            throw SqlError.unsupported("IN with a subquery").at(in.peek().at());
        }
        List<Expression> list = list();
        in.expectSymbol(")");
        return new In(at.at(), operand, list, negated);
    }

    private Expression other() {
        return row(this::sum, () -> in.peek().isSymbol("||"));
    }

    private Expression sum() {
        return row(this::product, () -> in.peek().isSymbol("+") || in.peek().isSymbol("-"));
    }

    private Expression product() {
        return row(this::signed, () -> in.peek().isSymbol("*") || in.peek().isSymbol("/") || in.peek().isSymbol("%"));
    }

    private Expression signed() {
        SqlToken sign = in.peek();
        if (!sign.isSymbol("-") && !sign.isSymbol("+")) {
            return cast();
        }
        in.take();
        in.down();
        Expression operand = signed();
        in.up(1);
        return sign.isSymbol("-") ? new Negative(sign.at(), operand) : operand;
    }

    private Expression cast() {
        Expression operand = primary();
        int levels = 0;
        while (in.peek().isSymbol("::")) {
            in.down();
            levels++;
            int at = in.take().at();
            operand = new Cast(at, operand, type());
        }
        in.up(levels);
        return operand;
    }

    private SqlType type() {
        int at = in.peek().at();
        String name = in.name();
        if (name.equals(SCHEMA) && in.takeSymbol(".")) {
            name = in.name();
        }
        if (name.equals("double") && in.takeWord("precision")) {
            name = "double precision";
        } else if (name.equals("timestamp") && in.takeWord("with")) {
            in.expectWord("time");
            in.expectWord("zone");
            name = "timestamptz";
        }
        String wanted = name;
        return SqlType.named(name)
                .orElseThrow(() -> new SqlError("42704", "type \"%s\" does not exist".formatted(SqlError.excerpt(wanted))).withHint(SqlError.HELP).at(at));
    }

    private Expression primary() {
        SqlToken token = in.peek();
        return switch (token.kind()) {
            case STRING -> constant(SqlType.UNKNOWN, in.take().text(), token);
            case INTEGER, DECIMAL -> number(in.take());
            case PARAMETER -> parameter(in.take());
            case QUOTED_WORD -> named();
            case WORD -> word(token);
            case SYMBOL -> {
                if (token.isSymbol("*")) {
                    in.take();
                    yield new Star(token.at(), Optional.empty());
                }
                in.expectSymbol("(");
                yield parenthesized(token);
            }
            case END -> throw in.syntaxError();
        };
    }

    private Expression parenthesized(SqlToken open) {
        Expression inner;
        if (in.peek().isWord("select") || in.peek().isWord("with")) {
            inner = new Subquery(open.at(), subquery.get());
        } else {
            inner = expression();
        }
        in.expectSymbol(")");
        return inner;
    }

    private static Constant constant(SqlType type, Object value, SqlToken token) {
        return new Constant(token.at(), type, value);
    }

    /** As scan.l and make_const: the first of integer, bigint and numeric that can hold it. */
    private static Constant number(SqlToken token) {
        try {
            BigDecimal value = (BigDecimal) TextFormat.parse(SqlType.NUMERIC, token.text());
            if (token.kind() == Kind.DECIMAL || value.compareTo(MAX_BIGINT) > 0) {
                return constant(SqlType.NUMERIC, value, token);
            }
            long whole = value.longValueExact();
            return whole == (int) whole ? constant(SqlType.INT4, (int) whole, token) : constant(SqlType.INT8, whole, token);
        } catch (SqlError e) {
            throw e.at(token.at());
        }
    }

    private static Parameter parameter(SqlToken token) {
        boolean fits = token.text().length() < 6 && Integer.parseInt(token.text()) >= 1 && Integer.parseInt(token.text()) <= Parameters.MAX;
        if (!fits) {
            throw new SqlError("42P02", "there is no parameter %s".formatted(SqlError.excerpt(token.written())))
                    .withHint("the relay's console takes $1 to $%d".formatted(Parameters.MAX))
                    .at(token.at());
        }
        return new Parameter(token.at(), Integer.parseInt(token.text()));
    }

    private Expression word(SqlToken token) {
        boolean called = in.second().isSymbol("(");
        return switch (token.text()) {
            case "true", "false" -> constant(SqlType.BOOL, in.take().isWord("true"), token);
            case "null" -> {
                in.take();
                yield new Constant(token.at(), SqlType.UNKNOWN, null);
            }
            case "case" -> branches(in.take());
            case "cast" -> castFunction(in.take());
            case "extract" -> called ? extract(in.take()) : named();
            default -> {
                if (NILADIC.contains(token.text()) && !called) {
                    in.take();
                    yield new Call(token.at(), token.text(), List.of(), false);
                }
                yield named();
            }
        };
    }

    private Expression branches(SqlToken begin) {
        Optional<Expression> operand = in.peek().isWord("when") ? Optional.empty() : Optional.of(expression());
        List<When> branches = new ArrayList<>();
        while (in.takeWord("when")) {
            Expression condition = expression();
            in.expectWord("then");
            branches.add(new When(condition, expression()));
        }
        if (branches.isEmpty()) {
            throw in.unexpected();
        }
        Optional<Expression> otherwise = in.takeWord("else") ? Optional.of(expression()) : Optional.empty();
        in.expectWord("end");
        return new Case(begin.at(), operand, branches, otherwise);
    }

    private Expression castFunction(SqlToken begin) {
        in.expectSymbol("(");
        Expression operand = expression();
        in.expectWord("as");
        SqlType type = type();
        in.expectSymbol(")");
        return new Cast(begin.at(), operand, type);
    }

    private Expression extract(SqlToken begin) {
        in.expectSymbol("(");
        SqlToken field = in.take();
        if (field.kind() != Kind.WORD && field.kind() != Kind.STRING) {
            throw in.unexpected();
        }
        in.expectWord("from");
        Expression source = expression();
        in.expectSymbol(")");
        return new Call(begin.at(), "extract", List.of(new Constant(field.at(), SqlType.UNKNOWN, field.text()), source), false);
    }

    /** A column, all columns of a relation, or a call. */
    private Expression named() {
        int at = in.peek().at();
        String first = in.name();
        if (!in.takeSymbol(".")) {
            return in.peek().isSymbol("(") ? call(at, first) : new ColumnName(at, Optional.empty(), first);
        }
        if (in.takeSymbol("*")) {
            return new Star(at, Optional.of(first));
        }
        String second = in.name();
        if (!in.peek().isSymbol("(")) {
            return new ColumnName(at, Optional.of(first), second);
        }
        if (!first.equals(SCHEMA)) {
            throw new SqlError("3F000", "schema \"%s\" does not exist".formatted(SqlError.excerpt(first))).withHint(SqlError.HELP).at(at);
        }
        return call(at, second);
    }

    /** From the first parenthesis on. */
    Call call(int at, String name) {
        in.expectSymbol("(");
        boolean star = in.peek().isSymbol("*") && in.second().isSymbol(")");
        if (star) {
            in.take();
        }
        List<Expression> arguments = star || in.peek().isSymbol(")") ? List.of() : list();
        in.expectSymbol(")");
        return new Call(at, name, arguments, star);
    }

    private List<Expression> list() {
        List<Expression> list = new ArrayList<>();
        do {
            list.add(expression());
        } while (in.takeSymbol(","));
        return list;
    }
}
