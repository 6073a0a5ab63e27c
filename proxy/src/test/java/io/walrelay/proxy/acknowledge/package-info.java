@NullMarked
package io.walrelay.proxy.acknowledge;

import org.jspecify.annotations.NullMarked;
