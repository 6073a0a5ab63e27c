/** What is in a data directory of a server: its control file, its files and their names, its WAL. Reads, and changes nothing. */
@NullMarked
package io.walrelay.rewind.datadir;

import org.jspecify.annotations.NullMarked;
