/** The disk as the relay sees it: few operations, each with its promise about power loss. */
@NullMarked
package io.walrelay.cache.storage;

import org.jspecify.annotations.NullMarked;
