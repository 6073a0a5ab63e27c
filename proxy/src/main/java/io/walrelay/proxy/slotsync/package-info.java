/**
 * What it takes for slots to be synchronised to standbys behind the relay (PostgreSQL 17 and later, slotsync.c): the answer to the worker's question, and
 * what becomes of upstream's failover slots here. Decisions only: who asks and who answers is elsewhere.
 */
@NullMarked
package io.walrelay.proxy.slotsync;

import org.jspecify.annotations.NullMarked;
