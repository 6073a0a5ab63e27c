/**
 * WAL over HTTP from the other side: what PostgreSQL's restore_command and archive_command run. A process lives for one file, so
 * it loads as little as it can: no log, no event loop, no JSON.
 */
@NullMarked
package io.walrelay.proxy.client;

import org.jspecify.annotations.NullMarked;
