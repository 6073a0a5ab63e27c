@NullMarked
package io.walrelay.cache.lookup;

import org.jspecify.annotations.NullMarked;
