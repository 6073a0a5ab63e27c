@NullMarked
package io.walrelay.proxy.client;

import org.jspecify.annotations.NullMarked;
