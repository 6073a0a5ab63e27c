package io.walrelay.cache.lookup;

import io.walrelay.wal.WalFileName;
import java.util.Optional;

/**
 * What somebody asks for.
 *
 * @param lineage which lineage's file is meant, when the mode's own choice is not
 * @param padded whether a segment that is not whole will do, with zeros in place of what is not there
 */
public record WalQuery(WalFileName name, Mode mode, Optional<LineageSelector> lineage, boolean padded) {}
