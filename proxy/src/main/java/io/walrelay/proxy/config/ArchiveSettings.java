package io.walrelay.proxy.config;

import io.walrelay.cache.archive.ArchiveLocation;
import io.walrelay.cache.archive.Compression;
import io.walrelay.cache.archive.Encryption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Where WAL goes for good.
 *
 * @param encryption empty: objects can be read by whoever has the archive
 * @param keep how long WAL stays that nobody needs; empty for ever
 * @param importFrom a folder whose files are taken in
 */
public record ArchiveSettings(
        ArchiveLocation location, Compression compression, Optional<Encryption> encryption, Optional<Duration> keep, Optional<Path> importFrom) {}
