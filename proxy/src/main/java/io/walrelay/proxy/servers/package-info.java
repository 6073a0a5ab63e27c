/** Connections to the servers that a connection string names: TLS as it demands, for streams and for SQL, and SQL by pgjdbc. */
@NullMarked
package io.walrelay.proxy.servers;

import org.jspecify.annotations.NullMarked;
