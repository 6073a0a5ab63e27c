/**
 * How single standbys are held back: a delay behind the time of commit, a rate, a pause, and what an operator has released in spite of these.
 * {@link io.walrelay.proxy.shaping.Allowance} decides; streams and files by name ask the same.
 */
@NullMarked
package io.walrelay.proxy.shaping;

import org.jspecify.annotations.NullMarked;
