@NullMarked
package io.walrelay.proxy;

import org.jspecify.annotations.NullMarked;
