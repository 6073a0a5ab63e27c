package io.walrelay.proxy.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Everything the operator decided, checked once at the start and immutable from then on; one record per concern.
 *
 * @param data the directory of the relay's own files, absolute
 */
public record Settings(
        UpstreamSettings upstream,
        ListenSettings listen,
        HttpSettings http,
        Path data,
        CacheSettings cache,
        Optional<ArchiveSettings> archive,
        Verify verify,
        SlotSettings slots,
        StandbySettings standbys,
        AdvertiseSettings advertise,
        PeerSettings peers) {}
