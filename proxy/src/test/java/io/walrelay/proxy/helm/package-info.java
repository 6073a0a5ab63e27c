/** The chart, as Helm renders it, by the schemas of Kubernetes and the relay's own reader of its configuration. */
@NullMarked
package io.walrelay.proxy.helm;

import org.jspecify.annotations.NullMarked;
