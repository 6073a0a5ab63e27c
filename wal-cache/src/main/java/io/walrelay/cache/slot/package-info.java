/** Replication slots: physical ones that the relay keeps on behalf of its standbys, and the logical ones of upstream that WAL is kept for. */
@NullMarked
package io.walrelay.cache.slot;

import org.jspecify.annotations.NullMarked;
