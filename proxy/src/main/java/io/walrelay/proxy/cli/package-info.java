/** The command line: one small class for each command, and the check of an existing cluster. */
@NullMarked
package io.walrelay.proxy.cli;

import org.jspecify.annotations.NullMarked;
