/** Tests of what holds the relay together. */
@NullMarked
package io.walrelay.proxy.relay;

import org.jspecify.annotations.NullMarked;
