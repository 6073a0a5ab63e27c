/** The PostgreSQL port, tested over sockets by a client that knows the protocol and nothing of the server. */
@NullMarked
package io.walrelay.proxy.standby;

import org.jspecify.annotations.NullMarked;
