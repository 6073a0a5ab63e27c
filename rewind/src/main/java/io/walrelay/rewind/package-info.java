/**
 * How a diverged data directory becomes a follower again: look at both sides, plan, act under a journal. What a relay has to say comes
 * through {@link io.walrelay.rewind.HeldWal}, so that this module knows no cache.
 */
@NullMarked
package io.walrelay.rewind;

import org.jspecify.annotations.NullMarked;
