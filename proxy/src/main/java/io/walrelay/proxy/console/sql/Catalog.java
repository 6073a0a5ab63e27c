package io.walrelay.proxy.console.sql;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** What a statement can read and call: all of it as of one moment. */
public interface Catalog {

    /** @param schema empty when the query names none */
    Optional<Relation> relation(Optional<String> schema, String name);

    /** Those called {@code name}, beside the pure ones that there are anyway. */
    List<SqlFunction> functions(String name);

    /** The major version that the catalog looks like. */
    int serverMajor();

    /** now(). */
    Instant now();
}
