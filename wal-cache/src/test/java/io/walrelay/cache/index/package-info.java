@NullMarked
package io.walrelay.cache.index;

import org.jspecify.annotations.NullMarked;
