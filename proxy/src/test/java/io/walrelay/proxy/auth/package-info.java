/** Tests of access rules and users. */
@NullMarked
package io.walrelay.proxy.auth;

import org.jspecify.annotations.NullMarked;
