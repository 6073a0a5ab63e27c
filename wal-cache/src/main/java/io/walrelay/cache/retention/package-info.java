/** What may be freed, decided from a snapshot. */
@NullMarked
package io.walrelay.cache.retention;

import org.jspecify.annotations.NullMarked;
