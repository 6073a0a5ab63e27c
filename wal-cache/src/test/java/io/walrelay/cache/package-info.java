/** Tests that try to lose or corrupt WAL. */
@NullMarked
package io.walrelay.cache;

import org.jspecify.annotations.NullMarked;
