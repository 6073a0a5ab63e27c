/** What clients have from upstream through the relay: sessions whose bytes pass as they are. */
@NullMarked
package io.walrelay.proxy.forward;

import org.jspecify.annotations.NullMarked;
