/** What standbys want kept on the primary (hot_standby_feedback), merged into what upstream is told. */
@NullMarked
package io.walrelay.proxy.feedback;

import org.jspecify.annotations.NullMarked;
