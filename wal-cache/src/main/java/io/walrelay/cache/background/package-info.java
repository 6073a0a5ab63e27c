/** Work that goes on beside everything else until it is closed. */
@NullMarked
package io.walrelay.cache.background;

import org.jspecify.annotations.NullMarked;
