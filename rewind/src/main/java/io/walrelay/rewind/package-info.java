/**
 * How a diverged data directory becomes a follower again. So far only what the engine will ask of a relay: WAL and changed
 * blocks reach it through two interfaces, so that this module knows no cache.
 */
@NullMarked
package io.walrelay.rewind;

import org.jspecify.annotations.NullMarked;
