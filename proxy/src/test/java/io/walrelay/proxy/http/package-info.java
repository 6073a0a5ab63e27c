/** Tests of the HTTP port, over real sockets. */
@NullMarked
package io.walrelay.proxy.http;

import org.jspecify.annotations.NullMarked;
