/** Tests of the handshakes: both sides against each other in memory, and each against spelled-out messages. */
@NullMarked
package io.walrelay.protocol.handshake;

import org.jspecify.annotations.NullMarked;
