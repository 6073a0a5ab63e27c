/** What a rewind does to a data directory, decided before anything is touched: diverge, collect, decide. Pure but for what it reads. */
@NullMarked
package io.walrelay.rewind.plan;

import org.jspecify.annotations.NullMarked;
