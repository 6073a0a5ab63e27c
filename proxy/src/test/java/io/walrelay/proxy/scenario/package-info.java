/** The relay as a process between real servers: what it promises, shown from outside. */
@NullMarked
package io.walrelay.proxy.scenario;

import org.jspecify.annotations.NullMarked;
