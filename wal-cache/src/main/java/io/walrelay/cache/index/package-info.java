/**
 * What a segment's records change: which blocks of which relation files, and what no block reference says. Values and their form on the disk;
 * files and threads are {@link io.walrelay.cache.ChangeIndex}'s.
 */
@NullMarked
package io.walrelay.cache.index;

import org.jspecify.annotations.NullMarked;
