/** A tree of relays that is too large to be measured, by simulation; see docs/simulation.md. */
@NullMarked
package io.walrelay.proxy.simulation;

import org.jspecify.annotations.NullMarked;
