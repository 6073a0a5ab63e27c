/** Tests of how the relay finds its upstream. */
@NullMarked
package io.walrelay.proxy.upstream;

import org.jspecify.annotations.NullMarked;
