@NullMarked
package io.walrelay.proxy.feedback;

import org.jspecify.annotations.NullMarked;
