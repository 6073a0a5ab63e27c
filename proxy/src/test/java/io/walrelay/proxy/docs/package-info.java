/** Pages of the manual that can be run. */
@NullMarked
package io.walrelay.proxy.docs;

import org.jspecify.annotations.NullMarked;
