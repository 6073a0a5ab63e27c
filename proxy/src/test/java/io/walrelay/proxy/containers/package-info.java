/** The picture of {@code helm/compose.yaml} in containers, parted, stopped and killed: the Maven profile containers, see {@code docs/testing.md}. */
@NullMarked
package io.walrelay.proxy.containers;

import org.jspecify.annotations.NullMarked;
