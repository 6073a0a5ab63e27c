/** Tests of the vocabulary of the write-ahead log. */
@NullMarked
package io.walrelay.wal;

import org.jspecify.annotations.NullMarked;
