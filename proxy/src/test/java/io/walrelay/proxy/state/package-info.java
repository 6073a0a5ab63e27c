/** Tests of what the sides of the relay share. */
@NullMarked
package io.walrelay.proxy.state;

import org.jspecify.annotations.NullMarked;
