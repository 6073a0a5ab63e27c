@NullMarked
package io.walrelay.rewind.source;

import org.jspecify.annotations.NullMarked;
