/** Relays beside this one: asks them for their slots and keeps those here in step. What is to be done is {@link io.walrelay.cache.slot.Mirroring}'s to say. */
@NullMarked
package io.walrelay.proxy.peers;

import org.jspecify.annotations.NullMarked;
