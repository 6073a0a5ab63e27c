/** The replication commands (PostgreSQL: repl_gram.y, repl_scanner.l) as values, with their parser and printer. */
@NullMarked
package io.walrelay.protocol.command;

import org.jspecify.annotations.NullMarked;
