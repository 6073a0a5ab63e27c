/** How the relay finds its upstream: connection strings, password files, and the choice among hosts. Values and decisions only. */
@NullMarked
package io.walrelay.proxy.upstream;

import org.jspecify.annotations.NullMarked;
