/** How a session is opened and authenticated, seen from the server and from the client: state machines, message in, actions out. */
@NullMarked
package io.walrelay.protocol.handshake;

import org.jspecify.annotations.NullMarked;
