/** Pages and records of PostgreSQL 13 to 18's write-ahead log: how to follow, read and check them. Bytes in, values out, no I/O. */
@NullMarked
package io.walrelay.wal.format;

import org.jspecify.annotations.NullMarked;
