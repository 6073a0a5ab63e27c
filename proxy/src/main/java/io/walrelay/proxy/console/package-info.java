/** The relay's own database: a session's protocol as values, and the relay's state as relations and functions. No I/O but what a slot function does. */
@NullMarked
package io.walrelay.proxy.console;

import org.jspecify.annotations.NullMarked;
