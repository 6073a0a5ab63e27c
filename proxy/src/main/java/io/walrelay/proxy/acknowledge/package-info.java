/** What is acknowledged upstream: the relay's own position, or the lesser of it and what standbys have confirmed. */
@NullMarked
package io.walrelay.proxy.acknowledge;

import org.jspecify.annotations.NullMarked;
