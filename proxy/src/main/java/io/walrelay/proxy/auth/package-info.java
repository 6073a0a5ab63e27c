/** Who may connect to the relay, how they must prove who they are, and where their verifiers come from. */
@NullMarked
package io.walrelay.proxy.auth;

import org.jspecify.annotations.NullMarked;
