package io.walrelay.proxy.console.sql;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An expression whose type is known and that can be evaluated.
 *
 * @param undecided what it was written as, while its type is unknown: a constant or a parameter
 */
record Typed(int at, SqlType type, Optional<Expression> undecided, Evaluation evaluation) {

    interface Evaluation {
        @Nullable Object of(Row row);
    }

    Typed(int at, SqlType type, Evaluation evaluation) {
        this(at, type, Optional.empty(), evaluation);
    }

    @Nullable Object of(Row row) {
        return evaluation.of(row);
    }
}
