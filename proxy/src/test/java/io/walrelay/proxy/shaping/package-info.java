@NullMarked
package io.walrelay.proxy.shaping;

import org.jspecify.annotations.NullMarked;
