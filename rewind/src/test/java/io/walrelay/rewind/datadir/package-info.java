@NullMarked
package io.walrelay.rewind.datadir;

import org.jspecify.annotations.NullMarked;
