/**
 * The console's SQL: one form of SELECT over a closed set of relations and functions, and the commands that drivers send on the side. Knows nothing
 * of the relay: what can be read and called comes in a {@link io.walrelay.proxy.console.sql.Catalog}.
 */
@NullMarked
package io.walrelay.proxy.console.sql;

import org.jspecify.annotations.NullMarked;
