/** What the relay keeps: the WAL itself in its tiers, where it ends, and which timelines it belongs to. */
@NullMarked
package io.walrelay.cache;

import org.jspecify.annotations.NullMarked;
