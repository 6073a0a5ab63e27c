@NullMarked
package io.walrelay.rewind.plan;

import org.jspecify.annotations.NullMarked;
