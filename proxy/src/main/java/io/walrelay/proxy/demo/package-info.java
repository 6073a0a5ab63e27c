/** PostgreSQL servers on this machine with nothing installed: what {@code walrelay demo} and the integration tests run on. */
@NullMarked
package io.walrelay.proxy.demo;

import org.jspecify.annotations.NullMarked;
