/**
 * Reads what a relay keeps, on its disk and in its archive, from the beginning to the end, and says what is wrong with it. Looks only: the
 * relay may run meanwhile. {@link io.walrelay.cache.verify.Verification} is the way in.
 */
@NullMarked
package io.walrelay.cache.verify;

import org.jspecify.annotations.NullMarked;
