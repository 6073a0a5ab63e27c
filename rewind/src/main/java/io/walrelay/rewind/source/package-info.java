/** Where a rewind gets good bytes from: a running server or a stopped data directory. */
@NullMarked
package io.walrelay.rewind.source;

import org.jspecify.annotations.NullMarked;
