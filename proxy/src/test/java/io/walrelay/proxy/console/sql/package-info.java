@NullMarked
package io.walrelay.proxy.console.sql;

import org.jspecify.annotations.NullMarked;
