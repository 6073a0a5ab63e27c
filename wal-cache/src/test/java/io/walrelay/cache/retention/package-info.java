/** Tests of what is kept. */
@NullMarked
package io.walrelay.cache.retention;

import org.jspecify.annotations.NullMarked;
