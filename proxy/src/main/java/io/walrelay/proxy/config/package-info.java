/** What the operator may say and how it is read: keys described once, file, environment and flags, immutable settings. */
@NullMarked
package io.walrelay.proxy.config;

import org.jspecify.annotations.NullMarked;
