package io.walrelay.proxy.console.sql;

import io.walrelay.proxy.console.sql.Expression.Call;
import io.walrelay.proxy.console.sql.Expression.Case;
import io.walrelay.proxy.console.sql.Expression.Cast;
import io.walrelay.proxy.console.sql.Expression.ColumnName;
import io.walrelay.proxy.console.sql.Expression.Constant;
import io.walrelay.proxy.console.sql.Expression.Subquery;
import java.util.Optional;

/** What a column is called that has no label (parse_target.c, FigureColname). */
final class Labels {

    private static final String NONE = "?column?";

    private Labels() {}

    static String of(Expression expression) {
        return strong(expression).or(() -> weak(expression)).orElse(NONE);
    }

    /** A name of its own. */
    private static Optional<String> strong(Expression expression) {
        return switch (expression) {
            case ColumnName name -> Optional.of(name.name());
            case Call call -> Optional.of(call.name());
            case Cast cast -> strong(cast.operand());
            case Case branches -> branches.otherwise().flatMap(Labels::strong);
            case Subquery(_, var query) -> query.items().size() == 1 ? query.items().getFirst().label().or(() -> strong(query.items().getFirst().expression())) : Optional.empty();
            default -> Optional.empty();
        };
    }

    private static Optional<String> weak(Expression expression) {
        return switch (expression) {
            case Cast cast -> Optional.of(cast.type().catalogName());
            case Case _ -> Optional.of("case");
            case Constant constant when constant.type() == SqlType.BOOL -> Optional.of("bool");
            default -> Optional.empty();
        };
    }
}
