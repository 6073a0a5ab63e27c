/** Physical replication slots that the relay keeps on behalf of its standbys. */
@NullMarked
package io.walrelay.cache.slot;

import org.jspecify.annotations.NullMarked;
