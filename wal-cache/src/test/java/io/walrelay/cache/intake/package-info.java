/** Tests of what is taken in. */
@NullMarked
package io.walrelay.cache.intake;

import org.jspecify.annotations.NullMarked;
