@NullMarked
package io.walrelay.rewind.journal;

import org.jspecify.annotations.NullMarked;
