/** Tests of slots. */
@NullMarked
package io.walrelay.cache.slot;

import org.jspecify.annotations.NullMarked;
