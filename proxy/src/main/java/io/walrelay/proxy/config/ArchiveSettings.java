package io.walrelay.proxy.config;

import io.walrelay.cache.archive.ArchiveLocation;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.Encryption;
import java.util.Optional;

/**
 * Where WAL goes for good.
 *
 * @param encryption empty: objects can be read by whoever has the archive
 */
public record ArchiveSettings(ArchiveLocation location, Compression compression, Optional<Encryption> encryption) {}
