/** What the parts of the running relay know of each other: one model that all of them read and none of them owns alone. */
@NullMarked
package io.walrelay.proxy.state;

import org.jspecify.annotations.NullMarked;
