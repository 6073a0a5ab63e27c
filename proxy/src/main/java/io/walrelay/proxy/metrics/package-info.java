/** What Prometheus scrapes: the relay's state read at each scrape, and the few times that are measured as they happen. */
@NullMarked
package io.walrelay.proxy.metrics;

import org.jspecify.annotations.NullMarked;
