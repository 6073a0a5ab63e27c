@NullMarked
package io.walrelay.proxy.rewind;

import org.jspecify.annotations.NullMarked;
