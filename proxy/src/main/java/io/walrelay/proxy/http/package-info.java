/** The HTTP port: what the relay is doing, as pages, JSON and a stream of events, and the orders it takes. */
@NullMarked
package io.walrelay.proxy.http;

import org.jspecify.annotations.NullMarked;
