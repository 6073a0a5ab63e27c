package io.walrelay.proxy.console.sql;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A SELECT against the catalog of one moment: analyzed when it is made, evaluated by {@link #rows}. Confined to one thread at a time. */
public final class Query {

    private final AnalyzedQuery analyzed;
    private final Parameters parameters;

    /** @throws SqlError when it means nothing in this catalog */
    public Query(Statement.Select select, Catalog catalog, Parameters parameters) {
        this.parameters = parameters;
        this.analyzed = new QueryAnalyzer(catalog, parameters).analyze(select, null);
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
}
