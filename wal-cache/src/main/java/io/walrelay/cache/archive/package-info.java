/**
 * The archive behind the relay's own disk: a directory or an object store in which objects are written once and never overwritten.
 * {@link io.walrelay.cache.archive.Archive} says what an object is called and what it holds; an
 * {@link io.walrelay.cache.archive.ObjectStore} only keeps bytes.
 */
@NullMarked
package io.walrelay.cache.archive;

import org.jspecify.annotations.NullMarked;
