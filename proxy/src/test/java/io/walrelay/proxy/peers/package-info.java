@NullMarked
package io.walrelay.proxy.peers;

import org.jspecify.annotations.NullMarked;
