/** The dashboard in a real browser. */
@NullMarked
package io.walrelay.proxy.dashboard;

import org.jspecify.annotations.NullMarked;
