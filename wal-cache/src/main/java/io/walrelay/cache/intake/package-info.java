/** Taking in what another archiver left: the files of a folder go into the relay's archive, under the lineage that they belong to. */
@NullMarked
package io.walrelay.cache.intake;

import org.jspecify.annotations.NullMarked;
