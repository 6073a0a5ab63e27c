package io.walrelay.proxy.config;

import io.walrelay.proxy.conninfo.HostAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

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
        FeedbackSettings feedback,
        AdvertiseSettings advertise,
        PeerSettings peers) {

    private static final Set<String> EVERYWHERE = Set.of("0.0.0.0", "::");

    /** Where standbys reach the PostgreSQL port, in libpq's form, without anything secret; a relay that listens everywhere does not know its name. */
    public String reachedAt() {
        return advertisedAt()
                .orElseGet(() -> "host=%s port=%d".formatted(EVERYWHERE.contains(listen.address().host()) ? "RELAY" : listen.address().host(), listen.address().port()));
    }

    /** As {@link #reachedAt}; empty for a relay that was not told. */
    public Optional<String> advertisedAt() {
        return advertise.conninfo().map(conninfo -> hosts(conninfo.hosts()));
    }

    /** These, with other ports. */
    Settings with(ListenSettings otherListen, HttpSettings otherHttp) {
        return new Settings(upstream, otherListen, otherHttp, data, cache, archive, verify, slots, standbys, feedback, advertise, peers);
    }

    private static String hosts(List<HostAddress> hosts) {
        return "host=%s port=%s".formatted(joined(hosts, HostAddress::host), joined(hosts, host -> Integer.toString(host.port())));
    }

    private static String joined(List<HostAddress> hosts, Function<HostAddress, String> part) {
        return hosts.stream().map(part).collect(Collectors.joining(","));
    }
}
