/** A disk that crashes, and tests of what must survive it. */
@NullMarked
package io.walrelay.cache.storage;

import org.jspecify.annotations.NullMarked;
