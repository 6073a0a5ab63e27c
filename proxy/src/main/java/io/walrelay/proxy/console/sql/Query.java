package io.walrelay.proxy.console.sql;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A SELECT against the catalog of one moment: analyzed when it is made, evaluated by {@link #rows}. Confined to one thread at a time. */
public final class Query {

    /** What a statement may take at most. */
    public static final Duration TIME_LIMIT = Duration.ofSeconds(5);

    private final AnalyzedQuery analyzed;
    private final Parameters parameters;
    private final Budget budget;

    /** @throws SqlError when it means nothing in this catalog */
    public Query(Statement.Select select, Catalog catalog, Parameters parameters) {
        this(select, catalog, parameters, Budget.begin());
    }

    /**
     * @param deadline by System.nanoTime(): when it is past, the query ends with 57014
     * @throws SqlError when it means nothing in this catalog
     */
    public Query(Statement.Select select, Catalog catalog, Parameters parameters, long deadline) {
        this(select, catalog, parameters, new Budget(deadline));
    }

    Query(Statement.Select select, Catalog catalog, Parameters parameters, Budget budget) {
        this.parameters = parameters;
        this.budget = budget;
        this.analyzed = new QueryAnalyzer(catalog, parameters, budget).analyze(select, null);
    }

    public List<ResultColumn> columns() {
        return analyzed.columns();
    }

    public List<SqlType> parameterTypes() {
        return parameters.types();
    }

    /**
     * Carries it out, once.
     *
     * @throws SqlError when a value is none, or it costs too much
     */
    public List<@Nullable Object[]> rows() {
        return analyzed.execution().rows(null);
    }

    /** Bytes that the rows may keep from being freed, at most some megabytes. */
    public long retained() {
        return budget.held();
    }
}
