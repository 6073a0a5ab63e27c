/** The vocabulary of the write-ahead log: positions, timelines, segments and their file names. Values only, no I/O. */
@NullMarked
package io.walrelay.wal;

import org.jspecify.annotations.NullMarked;
