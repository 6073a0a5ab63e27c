/**
 * How a stopped data directory is changed so that a kill can't hurt it: what was there is durable in a journal beside the
 * directory before anything changes, and until the commit all of it can be put back. Knows files, and nothing of what a rewind is.
 */
@NullMarked
package io.walrelay.rewind.journal;

import org.jspecify.annotations.NullMarked;
