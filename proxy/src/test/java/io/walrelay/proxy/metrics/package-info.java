/** Tests of the metrics, by the text that Prometheus reads. */
@NullMarked
package io.walrelay.proxy.metrics;

import org.jspecify.annotations.NullMarked;
