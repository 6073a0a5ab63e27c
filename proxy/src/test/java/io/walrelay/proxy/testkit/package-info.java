/** What the integration tests share: PostgreSQL servers and programs, the relay as a process, and faults of the network. */
@NullMarked
package io.walrelay.proxy.testkit;

import org.jspecify.annotations.NullMarked;
