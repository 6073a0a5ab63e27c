/** Which bytes answer to a file's name: pure functions of what is held, whose answers others act on. */
@NullMarked
package io.walrelay.cache.lookup;

import org.jspecify.annotations.NullMarked;
