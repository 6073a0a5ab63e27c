/** The PostgreSQL port as standbys see it: accepting, logging in, replication commands and streaming (walsender.c). */
@NullMarked
package io.walrelay.proxy.standby;

import org.jspecify.annotations.NullMarked;
