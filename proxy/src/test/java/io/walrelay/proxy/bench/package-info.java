/** The benchmark: the relay beside PostgreSQL's own walsenders and pg_receivewal, on the same WAL in one run. Started by {@code .ci/bench}. */
@NullMarked
package io.walrelay.proxy.bench;

import org.jspecify.annotations.NullMarked;
