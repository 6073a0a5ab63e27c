@NullMarked
package io.walrelay.cache.background;

import org.jspecify.annotations.NullMarked;
