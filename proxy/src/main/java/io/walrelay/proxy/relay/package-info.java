/** The running relay: its parts put together, started and stopped in order. */
@NullMarked
package io.walrelay.proxy.relay;

import org.jspecify.annotations.NullMarked;
