@NullMarked
package io.walrelay.rewind;

import org.jspecify.annotations.NullMarked;
