/** The messages of the frontend/backend protocol as bytes: decoders and encoders over ByteBuf, without any I/O. */
@NullMarked
package io.walrelay.protocol.codec;

import org.jspecify.annotations.NullMarked;
