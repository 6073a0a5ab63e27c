package io.walrelay.proxy.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where WAL is kept.
 *
 * @param data the directory of the relay's own files, absolute; it need not exist
 */
public record KeepingSettings(Path data, Optional<ArchiveSettings> archive) {}
