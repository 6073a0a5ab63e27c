/** TLS of the ports: what the relay shows of itself. */
@NullMarked
package io.walrelay.proxy.tls;

import org.jspecify.annotations.NullMarked;
