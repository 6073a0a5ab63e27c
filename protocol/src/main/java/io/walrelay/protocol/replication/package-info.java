/** What travels inside CopyData while WAL streams (PostgreSQL manual, "Streaming Replication Protocol"). */
@NullMarked
package io.walrelay.protocol.replication;

import org.jspecify.annotations.NullMarked;
