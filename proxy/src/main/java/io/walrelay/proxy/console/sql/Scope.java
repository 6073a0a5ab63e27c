package io.walrelay.proxy.console.sql;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The names that an expression may use: columns of the sources of its query, and of the queries around it. */
final class Scope {

    /** Where a column is found: that many queries further out. */
    record Place(int levels, int source, int column, SqlType type) {}

    /** A query that a WITH has named, that many queries further out: it sees what is around that one. */
    record Common(Statement.Select query, int levels, @Nullable Scope around) {}

    private record Source(String alias, List<ResultColumn> columns) {}

    private final @Nullable Scope outer;
    private final Optional<Statement.With> with;
    private final List<Source> sources = new ArrayList<>();
    /** The first column that stands outside of all aggregates. */
    private Expression.@Nullable ColumnName bare;
    private boolean insideAggregate;

    Scope(@Nullable Scope outer, Optional<Statement.With> with) {
        this.outer = outer;
        this.with = with;
    }

    void add(String alias, List<ResultColumn> columns, int at) {
        if (sources.stream().anyMatch(source -> source.alias.equals(alias))) {
            throw new SqlError("42712", "table name \"%s\" specified more than once".formatted(SqlError.excerpt(alias))).at(at);
        }
        sources.add(new Source(alias, columns));
    }

    boolean isEmpty() {
        return sources.isEmpty();
    }

    @Nullable Scope outer() {
        return outer;
    }

    /** The query that a WITH gave this name. */
    Optional<Common> common(String name) {
        int levels = 0;
        for (Scope scope = this; scope != null; scope = scope.outer) {
            if (scope.with.isPresent() && scope.with.get().name().equals(name)) {
                return Optional.of(new Common(scope.with.get().query(), levels, scope.outer));
            }
            levels++;
        }
        return Optional.empty();
    }

    /** @throws SqlError 42703, 42702 or 42P01 */
    Place find(Expression.ColumnName name) {
        int levels = 0;
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Optional<Place> here = scope.findHere(name, levels);
            if (here.isPresent()) {
                scope.note(name);
                return here.get();
            }
            levels++;
        }
        throw missing(name);
    }

    private Optional<Place> findHere(Expression.ColumnName name, int levels) {
        List<Place> found = new ArrayList<>();
        for (int s = 0; s < sources.size(); s++) {
            Source source = sources.get(s);
            if (name.relation().isPresent() && !name.relation().get().equals(source.alias)) {
                continue;
            }
            for (int c = 0; c < source.columns.size(); c++) {
                if (source.columns.get(c).name().equals(name.name())) {
                    found.add(new Place(levels, s, c, source.columns.get(c).type()));
                }
            }
        }
        if (found.size() > 1) {
            throw new SqlError("42702", "column reference \"%s\" is ambiguous".formatted(SqlError.excerpt(name.name()))).at(name.at());
        }
        return found.stream().findFirst();
    }

    private SqlError missing(Expression.ColumnName name) {
        String column = SqlError.excerpt(name.name());
        if (name.relation().isEmpty()) {
            return new SqlError("42703", "column \"%s\" does not exist".formatted(column)).withHint(SqlError.HELP).at(name.at());
        }
        String relation = SqlError.excerpt(name.relation().get());
        return knows(name.relation().get())
                ? new SqlError("42703", "column %s.%s does not exist".formatted(relation, column)).withHint(SqlError.HELP).at(name.at())
                : new SqlError("42P01", "missing FROM-clause entry for table \"%s\"".formatted(relation)).at(name.at());
    }

    private boolean knows(String alias) {
        return sources.stream().anyMatch(source -> source.alias.equals(alias)) || (outer != null && outer.knows(alias));
    }

    /** Which source of this query is called so. */
    Optional<Integer> source(String alias) {
        for (int s = 0; s < sources.size(); s++) {
            if (sources.get(s).alias.equals(alias)) {
                return Optional.of(s);
            }
        }
        return Optional.empty();
    }

    String alias(int source) {
        return sources.get(source).alias;
    }

    int count() {
        return sources.size();
    }

    List<ResultColumn> columns(int source) {
        return sources.get(source).columns;
    }

    private void note(Expression.ColumnName name) {
        if (!insideAggregate && bare == null) {
            bare = name;
        }
    }

    /** A column of a source was asked for, or all of them. */
    void noteAll(int at, String name) {
        note(new Expression.ColumnName(at, Optional.empty(), name));
    }

    /** What is looked up in here may stand in an aggregated query. False when one aggregate is inside of another. */
    boolean enterAggregate() {
        boolean outside = !insideAggregate;
        insideAggregate = true;
        return outside;
    }

    void leaveAggregate() {
        insideAggregate = false;
    }

    /** A column that stands outside of all aggregates, which a query with aggregates can't have. */
    Optional<Expression.ColumnName> bare() {
        return Optional.ofNullable(bare);
    }

    /** Forgets what was looked up so far: it concerns single rows. */
    void forgetBare() {
        bare = null;
    }
}
