package io.walrelay.proxy.config;

import io.walrelay.cache.archive.Encryption;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Turns what the sources say into {@link Settings}: reads every value, then checks values against each other. */
final class Concluding {

    /** A tail that can't hold what the sessions near the end share would make each of them read files. */
    private static final ByteSize LEAST_MEMORY = ByteSize.parse("1MB");

    /** What is held outside the heap beside the tail and what standbys do not take: handshakes, HTTP, WAL on its way in. */
    private static final long OTHER_MEMORY = 64L << 20;

    /** A tail that leaves less is too large: with {@link #OTHER_MEMORY} it is enough for some 80 sessions. */
    private static final long MEMORY_BESIDE_TAIL = 128L << 20;

    private static final Duration KEEP = Duration.ofHours(24);

    /** Whoever is away for longer reads the archive. */
    private static final Duration KEEP_WITH_ARCHIVE = Duration.ofMinutes(10);

    private static final Duration LEAST_ARCHIVE_KEEP = Duration.ofHours(1);

    /** One segment of the default size written, one preallocated, with something to keep. */
    private static final ByteSize LEAST_DISK = ByteSize.parse("64MB");

    private final Map<String, Given> given;
    private final Values values;
    private final ConcludingPorts ports;
    private final String hostname;
    private final long directMemory;
    private final List<Problem> problems;

    Concluding(Map<String, Given> given, Map<String, String> environment, String hostname, long directMemory, List<Problem> problems) {
        this.given = given;
        this.values = new Values(given, environment, problems);
        this.ports = new ConcludingPorts(values);
        this.hostname = hostname;
        this.directMemory = directMemory;
        this.problems = problems;
    }

    /** @throws InvalidSettingsException with the sources' problems and all that is found here */
    Settings conclude() throws InvalidSettingsException {
        values.refuseUnknownKeys();
        var upstream = upstream();
        var listen = ports.listen();
        var http = ports.http();
        var data = values.read(Keys.DATA);
        var archive = archive();
        var verify = values.read(Keys.VERIFY);
        var cache = cache();
        var named = named();
        var slots = slots(cache, named);
        var standbys = standbys(cache, named);
        var maxXminAge = values.read(Keys.FEEDBACK_MAX_XMIN_AGE);
        var capCatalog = values.read(Keys.FEEDBACK_CAP_CATALOG);
        var advertise = new AdvertiseSettings(values.conninfo(Keys.ADVERTISE_CONNINFO, AdvertiseSettings.ANY_USER), values.read(Keys.ADVERTISE_URL));
        var peers = peers();
        upstream.ifPresent(it -> checkMembers(it.acknowledge(), named));
        ports.checkPorts(listen, http);
        if (problems.isEmpty()) {
            return new Settings(
                    upstream.orElseThrow(),
                    listen.orElseThrow(),
                    http.orElseThrow(),
                    data.orElseThrow(),
                    cache.orElseThrow(),
                    archive,
                    verify.orElseThrow(),
                    slots.orElseThrow(),
                    standbys.orElseThrow(),
                    new FeedbackSettings(maxXminAge.orElseThrow(), capCatalog.orElseThrow()),
                    advertise,
                    peers);
        }
        throw new InvalidSettingsException(problems);
    }

    /** As {@link #conclude}, with the words that said so. */
    Configuration configuration() throws InvalidSettingsException {
        return Configuration.of(conclude(), given);
    }

    /** As {@link #conclude}, for the HTTP port alone. */
    HttpSettings concludeHttp() throws InvalidSettingsException {
        values.refuseUnknownKeys();
        values.conninfo(Keys.UPSTREAM_CONNINFO);
        var http = ports.http();
        if (problems.isEmpty()) {
            return http.orElseThrow();
        }
        throw new InvalidSettingsException(problems);
    }

    /** As {@link #conclude}, for upstream alone. */
    UpstreamSettings concludeUpstream() throws InvalidSettingsException {
        values.refuseUnknownKeys();
        var upstream = upstream();
        if (problems.isEmpty()) {
            return upstream.orElseThrow();
        }
        throw new InvalidSettingsException(problems);
    }

    /** As {@link #conclude}, for where WAL is kept alone. */
    KeepingSettings concludeKeeping() throws InvalidSettingsException {
        values.refuseUnknownKeys();
        var data = values.read(Keys.DATA);
        var archive = archive();
        if (problems.isEmpty()) {
            return new KeepingSettings(data.orElseThrow(), archive);
        }
        throw new InvalidSettingsException(problems);
    }

    private Optional<UpstreamSettings> upstream() {
        var conninfo = values.conninfo(Keys.UPSTREAM_CONNINFO);
        if (!values.has(Keys.UPSTREAM_CONNINFO)) {
            values.missing(Keys.UPSTREAM_CONNINFO, "--upstream, %s or the configuration file".formatted(Keys.UPSTREAM_CONNINFO.environmentName()));
        }
        var slot = values.read(Keys.UPSTREAM_SLOT).flatMap(this::slotName);
        var start = values.read(Keys.UPSTREAM_START);
        var acknowledge = values.read(Keys.UPSTREAM_ACKNOWLEDGE).flatMap(this::policy);
        var slotFollows = values.read(Keys.UPSTREAM_SLOT_FOLLOWS);
        var onDivergence = values.read(Keys.UPSTREAM_ON_DIVERGENCE);
        var hint = hint();
        return conninfo.isPresent() && slot.isPresent() && start.isPresent() && acknowledge.isPresent() && slotFollows.isPresent() && onDivergence.isPresent()
                ? Optional.of(new UpstreamSettings(conninfo.get(), slot.get(), start.get(), acknowledge.get(), slotFollows.get(), onDivergence.get(), hint))
                : Optional.empty();
    }

    private Optional<UpstreamSettings.Hint> hint() {
        var url = values.read(Keys.UPSTREAM_HINT);
        var authorities = values.readable(Keys.UPSTREAM_HINT_CA);
        if (authorities.isPresent() && !url.map(HintUrl::isEncrypted).orElse(false)) {
            values.problem(Keys.UPSTREAM_HINT_CA, "%s with https:// with it".formatted(Keys.UPSTREAM_HINT.name()));
        }
        return url.map(it -> new UpstreamSettings.Hint(it, authorities));
    }

    private Optional<String> slotName(String template) {
        try {
            return Optional.of(SlotName.of(template, hostname));
        } catch (IllegalArgumentException e) {
            values.problem(Keys.UPSTREAM_SLOT, SlotName.EXPECTED);
            return Optional.empty();
        }
    }

    private Optional<AcknowledgePolicy> policy(String text) {
        try {
            return Optional.of(AcknowledgePolicy.parse(text));
        } catch (IllegalArgumentException e) {
            values.problem(Keys.UPSTREAM_ACKNOWLEDGE, "%s; %s".formatted(Keys.UPSTREAM_ACKNOWLEDGE.type().expected(), e.getMessage()));
            return Optional.empty();
        }
    }

    private Optional<ArchiveSettings> archive() {
        var location = values.read(Keys.ARCHIVE_URL);
        var compression = values.read(Keys.ARCHIVE_COMPRESSION);
        Optional<Encryption> encryption = values.readable(Keys.ARCHIVE_KEY_FILE).filter(Values::isReadable).flatMap(this::encryption);
        var keep = values.read(Keys.ARCHIVE_KEEP);
        if (keep.isPresent() && keep.get().compareTo(LEAST_ARCHIVE_KEEP) < 0) {
            values.problem(Keys.ARCHIVE_KEEP, "at least %s: so long other relays that share the archive may take to say there what they need"
                    .formatted(Durations.format(LEAST_ARCHIVE_KEEP)));
        }
        var importFrom = values.read(Keys.ARCHIVE_IMPORT);
        if (!values.has(Keys.ARCHIVE_URL)) {
            for (Key<?> other : List.of(Keys.ARCHIVE_COMPRESSION, Keys.ARCHIVE_KEY_FILE, Keys.ARCHIVE_KEEP, Keys.ARCHIVE_IMPORT)) {
                if (values.has(other)) {
                    values.problem(other, "%s with it".formatted(Keys.ARCHIVE_URL.name()));
                }
            }
        }
        return location.isPresent() && compression.isPresent()
                ? Optional.of(new ArchiveSettings(location.get(), compression.get(), encryption, keep, importFrom))
                : Optional.empty();
    }

    private Optional<Encryption> encryption(Path keyFile) {
        try {
            return Optional.of(Encryption.withKeyFrom(keyFile));
        } catch (IOException | IllegalArgumentException e) {
            values.problem(Keys.ARCHIVE_KEY_FILE, "a key: " + e.getMessage());
            return Optional.empty();
        }
    }

    private Optional<CacheSettings> cache() {
        var memory = values.atLeast(Keys.CACHE_MEMORY, LEAST_MEMORY);
        var disk = values.atLeast(Keys.CACHE_DISK, LEAST_DISK);
        var keep = values.has(Keys.CACHE_KEEP)
                ? values.read(Keys.CACHE_KEEP)
                : Optional.of(values.has(Keys.ARCHIVE_URL) ? KEEP_WITH_ARCHIVE : KEEP);
        var onFull = values.read(Keys.CACHE_ON_FULL);
        long room = Math.max(directMemory - MEMORY_BESIDE_TAIL, LEAST_MEMORY.bytes());
        if (memory.isPresent() && memory.get().bytes() > room) {
            values.problem(
                    Keys.CACHE_MEMORY,
                    "at most %s: the process may use %s outside its heap; to raise that: WALRELAY_JAVA_OPTS=-XX:MaxDirectMemorySize=%dm"
                            .formatted(new ByteSize(room), new ByteSize(directMemory), (memory.get().bytes() + MEMORY_BESIDE_TAIL) >> 20));
        }
        return memory.isPresent() && disk.isPresent() && keep.isPresent() && onFull.isPresent()
                ? Optional.of(new CacheSettings(memory.get(), disk.get(), keep.get(), onFull.get()))
                : Optional.empty();
    }

    /**
     * While there is no archive, a slot that may hold all of the disk would stop the relay, and WAL would gather on the primary. Where
     * cache.on-full asks for just that, no slot is given up before: unless a limit is given there is none.
     */
    private Optional<SlotSettings> slots(Optional<CacheSettings> cache, List<NamedStandby> standbys) {
        var maxRetained = values.read(Keys.SLOTS_MAX_RETAINED);
        var inactiveTimeout = values.read(Keys.SLOTS_INACTIVE_TIMEOUT);
        Map<String, ByteSize> named = new LinkedHashMap<>();
        standbys.forEach(standby -> standby.maxRetained().ifPresent(most -> named.put(standby.name(), most)));
        if (cache.isEmpty() || inactiveTimeout.isEmpty()) {
            return Optional.empty();
        }
        ByteSize disk = cache.get().disk();
        boolean hold = cache.get().onFull() == CacheSettings.OnFull.HOLD_UPSTREAM;
        if (!hold && maxRetained.isPresent() && maxRetained.get().compareTo(disk) >= 0) {
            values.problem(Keys.SLOTS_MAX_RETAINED, "less than cache.disk, which is %s".formatted(disk));
        }
        if (!hold && named.values().stream().anyMatch(most -> most.compareTo(disk) >= 0)) {
            values.problem(Keys.STANDBYS_NAMED, "max-retained less than cache.disk, which is %s".formatted(disk));
        }
        ByteSize most = maxRetained.orElse(new ByteSize(hold ? Long.MAX_VALUE : disk.bytes() / 5 * 4));
        return Optional.of(new SlotSettings(most, named, inactiveTimeout.filter(timeout -> !timeout.isZero())));
    }

    private List<NamedStandby> named() {
        List<NamedStandby> named = values.read(Keys.STANDBYS_NAMED).orElse(List.of());
        Set<String> names = new HashSet<>();
        named.stream().map(NamedStandby::name).filter(name -> !names.add(name)).distinct().forEach(name ->
                values.problem(Keys.STANDBYS_NAMED, "each name once; \"%s\" is there again".formatted(name)));
        return named;
    }

    private Optional<StandbySettings> standbys(Optional<CacheSettings> cache, List<NamedStandby> named) {
        var aheadWait = values.read(Keys.STANDBYS_AHEAD_WAIT);
        var maxWriteRate = values.read(Keys.STANDBYS_MAX_WRITE_RATE);
        var stopTimeout = values.read(Keys.STANDBYS_STOP_TIMEOUT);
        return cache.isPresent() && aheadWait.isPresent() && maxWriteRate.isPresent() && stopTimeout.isPresent()
                ? Optional.of(new StandbySettings(aheadWait.get(), maxWriteRate.get(), stopTimeout.get(), sessions(cache.get().memory()), named))
                : Optional.empty();
    }

    private int sessions(ByteSize tail) {
        long fit = (directMemory - tail.bytes() - OTHER_MEMORY) / StandbySettings.SESSION_MEMORY.bytes();
        return Math.clamp(fit, 1, StandbySettings.MOST_SESSIONS);
    }

    /** What commits wait for must not be held back from it. */
    private void checkMembers(AcknowledgePolicy policy, List<NamedStandby> named) {
        named.stream()
                .filter(standby -> policy.names(standby.name()) && (standby.delay().isPresent() || standby.rate().isPresent()))
                .forEach(standby -> values.problem(Keys.STANDBYS_NAMED, "no delay and no rate for \"%s\", a member of %s: commits would wait for what is held back".formatted(standby.name(), Keys.UPSTREAM_ACKNOWLEDGE.name())));
    }

    private PeerSettings peers() {
        var urls = values.read(Keys.PEERS).orElse(List.of());
        var authority = values.readable(Keys.PEERS_CA);
        if (authority.isPresent() && urls.stream().noneMatch(url -> "https".equals(url.getScheme()))) {
            values.problem(Keys.PEERS_CA, "%s with https:// with it".formatted(Keys.PEERS.name()));
        }
        return new PeerSettings(urls, authority);
    }

}
