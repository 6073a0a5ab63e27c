@NullMarked
package io.walrelay.cache.verify;

import org.jspecify.annotations.NullMarked;
