package io.walrelay.proxy.config;

import io.walrelay.cache.archive.Encryption;
import io.walrelay.protocol.message.Secret;
import io.walrelay.proxy.config.Keys.Tls;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.auth.Hba;
import io.walrelay.proxy.auth.InvalidHbaException;
import io.walrelay.proxy.auth.JdbcAuthQuery;
import io.walrelay.proxy.auth.UsersFile;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.conninfo.InvalidConninfoException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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
    private final Map<String, String> environment;
    private final String hostname;
    private final long directMemory;
    private final List<Problem> problems;

    Concluding(Map<String, Given> given, Map<String, String> environment, String hostname, long directMemory, List<Problem> problems) {
        this.given = given;
        this.environment = environment;
        this.hostname = hostname;
        this.directMemory = directMemory;
        this.problems = problems;
    }

    /** @throws InvalidSettingsException with the sources' problems and all that is found here */
    Settings conclude() throws InvalidSettingsException {
        refuseUnknownKeys();
        var upstream = upstream();
        var listen = listen();
        var http = http();
        var data = read(Keys.DATA);
        var archive = archive();
        var verify = read(Keys.VERIFY);
        var cache = cache();
        var named = named();
        var slots = slots(cache, named);
        var standbys = standbys(cache, named);
        var maxXminAge = read(Keys.FEEDBACK_MAX_XMIN_AGE);
        var capCatalog = read(Keys.FEEDBACK_CAP_CATALOG);
        var advertise = new AdvertiseSettings(read(Keys.ADVERTISE_CONNINFO), read(Keys.ADVERTISE_URL));
        var peers = peers();
        checkPorts(listen, http);
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

    /** As {@link #conclude}, for the HTTP port alone. */
    HttpSettings concludeHttp() throws InvalidSettingsException {
        refuseUnknownKeys();
        conninfo(Keys.UPSTREAM_CONNINFO);
        var http = http();
        if (problems.isEmpty()) {
            return http.orElseThrow();
        }
        throw new InvalidSettingsException(problems);
    }

    /** As {@link #conclude}, for upstream alone. */
    UpstreamSettings concludeUpstream() throws InvalidSettingsException {
        refuseUnknownKeys();
        var upstream = upstream();
        if (problems.isEmpty()) {
            return upstream.orElseThrow();
        }
        throw new InvalidSettingsException(problems);
    }

    /** As {@link #conclude}, for where WAL is kept alone. */
    KeepingSettings concludeKeeping() throws InvalidSettingsException {
        refuseUnknownKeys();
        var data = read(Keys.DATA);
        var archive = archive();
        if (problems.isEmpty()) {
            return new KeepingSettings(data.orElseThrow(), archive);
        }
        throw new InvalidSettingsException(problems);
    }

    private void refuseUnknownKeys() {
        given.forEach((name, value) -> {
            if (Keys.find(name).isEmpty()) {
                String expected = Keys.isSection(name)
                        ? "a mapping, since %s is a section".formatted(name)
                        : "a known key" + Keys.nearest(name).map(near -> "; did you mean %s?".formatted(near)).orElse("");
                problems.add(new Problem(name, "unknown", value.origin(), expected));
            }
        });
    }

    private Optional<UpstreamSettings> upstream() {
        var conninfo = conninfo(Keys.UPSTREAM_CONNINFO);
        if (!given.containsKey(Keys.UPSTREAM_CONNINFO.name())) {
            problems.add(new Problem(
                    Keys.UPSTREAM_CONNINFO.name(),
                    "not given",
                    "--upstream, %s or the configuration file".formatted(Keys.UPSTREAM_CONNINFO.environmentName()),
                    Keys.UPSTREAM_CONNINFO.type().expected()));
        }
        var slot = read(Keys.UPSTREAM_SLOT).flatMap(this::slotName);
        var start = read(Keys.UPSTREAM_START);
        var acknowledge = read(Keys.UPSTREAM_ACKNOWLEDGE).flatMap(this::policy);
        var slotFollows = read(Keys.UPSTREAM_SLOT_FOLLOWS);
        var onDivergence = read(Keys.UPSTREAM_ON_DIVERGENCE);
        var hint = hint();
        return conninfo.isPresent() && slot.isPresent() && start.isPresent() && acknowledge.isPresent() && slotFollows.isPresent() && onDivergence.isPresent()
                ? Optional.of(new UpstreamSettings(conninfo.get(), slot.get(), start.get(), acknowledge.get(), slotFollows.get(), onDivergence.get(), hint))
                : Optional.empty();
    }

    private Optional<UpstreamSettings.Hint> hint() {
        var url = read(Keys.UPSTREAM_HINT);
        var authorities = readable(Keys.UPSTREAM_HINT_CA);
        if (authorities.isPresent() && !url.map(HintUrl::isEncrypted).orElse(false)) {
            problem(Keys.UPSTREAM_HINT_CA, "%s with https:// with it".formatted(Keys.UPSTREAM_HINT.name()));
        }
        return url.map(it -> new UpstreamSettings.Hint(it, authorities));
    }

    /** Its defaults are libpq's: the PG… variables count too. */
    private Optional<Conninfo> conninfo(Key<Secret> key) {
        try {
            return read(key).map(text -> Conninfo.parse(text.utf8(), environment));
        } catch (InvalidConninfoException e) {
            problem(key, "%s; %s".formatted(key.type().expected(), e.getMessage()));
            return Optional.empty();
        }
    }

    private Optional<String> slotName(String template) {
        try {
            return Optional.of(SlotName.of(template, hostname));
        } catch (IllegalArgumentException e) {
            problem(Keys.UPSTREAM_SLOT, SlotName.EXPECTED);
            return Optional.empty();
        }
    }

    private Optional<AcknowledgePolicy> policy(String text) {
        try {
            return Optional.of(AcknowledgePolicy.parse(text));
        } catch (IllegalArgumentException e) {
            problem(Keys.UPSTREAM_ACKNOWLEDGE, "%s; %s".formatted(Keys.UPSTREAM_ACKNOWLEDGE.type().expected(), e.getMessage()));
            return Optional.empty();
        }
    }

    private Optional<ListenSettings> listen() {
        var address = read(Keys.LISTEN_ADDRESS);
        var tls = tls(Keys.LISTEN_TLS);
        Hba hba = hba();
        UserSource users = users();
        var forwardAs = read(Keys.LISTEN_FORWARD_AS);
        return address.isPresent() && forwardAs.isPresent()
                ? Optional.of(new ListenSettings(address.get(), tls, hba, users, forwardAs.get()))
                : Optional.empty();
    }

    private Hba hba() {
        List<String> lines = read(Keys.LISTEN_HBA).orElse(List.of());
        if (lines.isEmpty()) {
            return Hba.LOOPBACK_ONLY;
        }
        Hba hba;
        try {
            hba = Hba.parse(lines);
        } catch (InvalidHbaException e) {
            e.problems().forEach(problem -> problem(Keys.LISTEN_HBA, "lines in pg_hba.conf form; " + problem));
            return Hba.LOOPBACK_ONLY;
        }
        if (hba.rules().isEmpty()) {
            problem(Keys.LISTEN_HBA, "at least one rule, as nobody could connect; without listen.hba this machine may, by scram-sha-256");
        }
        checkTls(hba);
        return hba;
    }

    /** PostgreSQL only logs the first, and refuses each connection for the second (hba.c, auth.c); what is checked here is checked once. */
    private void checkTls(Hba hba) {
        boolean tls = given.containsKey(Keys.LISTEN_TLS.cert().name()) || given.containsKey(Keys.LISTEN_TLS.key().name());
        if (!tls) {
            hba.firstThatNeedsTls().ifPresent(line -> problem(
                    Keys.LISTEN_HBA,
                    "%s and %s with it: without TLS a hostssl rule, as in hba line %d, fits no connection"
                            .formatted(Keys.LISTEN_TLS.cert().name(), Keys.LISTEN_TLS.key().name(), line)));
        } else if (!given.containsKey(Keys.LISTEN_TLS.clientCa().name())) {
            hba.firstThatNeedsClientCertificates().ifPresent(line -> problem(
                    Keys.LISTEN_HBA,
                    "%s with it: without it no client is asked for the certificate that hba line %d wants"
                            .formatted(Keys.LISTEN_TLS.clientCa().name(), line)));
        }
    }

    private UserSource users() {
        var file = readable(Keys.LISTEN_USERS_FILE);
        var conninfo = conninfo(Keys.LISTEN_USERS_CONNINFO);
        var query = read(Keys.LISTEN_USERS_QUERY);
        if (given.containsKey(Keys.LISTEN_USERS_FILE.name())) {
            for (Key<?> other : List.of(Keys.LISTEN_USERS_CONNINFO, Keys.LISTEN_USERS_QUERY)) {
                if (given.containsKey(other.name())) {
                    problem(other, "either listen.users.file or listen.users.auth-query, not both");
                }
            }
        }
        file.filter(Concluding::isReadable).ifPresent(this::checkUsers);
        if (query.isPresent() && !query.get().contains(JdbcAuthQuery.USER)) {
            problem(Keys.LISTEN_USERS_QUERY, "a query with %s where the user's name goes".formatted(JdbcAuthQuery.USER));
        }
        return file.<UserSource>map(UserSource.File::new).orElseGet(() -> new UserSource.AuthQuery(conninfo, query));
    }

    /** It is read again at each look-up, but then a slip would keep everybody out. */
    private void checkUsers(Path file) {
        try {
            UsersFile.parse(Files.readAllLines(file, StandardCharsets.UTF_8));
        } catch (IOException | IllegalArgumentException e) {
            problem(Keys.LISTEN_USERS_FILE, "one user on each line: %s".formatted(e.getMessage()));
        }
    }

    private Optional<HttpSettings> http() {
        var address = read(Keys.HTTP_ADDRESS);
        var tls = tls(Keys.HTTP_TLS);
        var tokens = read(Keys.HTTP_TOKENS).orElse(List.of());
        boolean insecure = read(Keys.HTTP_INSECURE).orElse(false);
        boolean guarded = !lines(Keys.HTTP_TOKENS).isEmpty() || given.containsKey(Keys.HTTP_TLS.clientCa().name());
        if (address.isPresent() && !address.get().isLoopback() && !guarded && !insecure) {
            problem(
                    Keys.HTTP_ADDRESS,
                    "a loopback address, or http.tokens, or http.tls.client-ca: WAL is all of the data; http.insecure: true opens it"
                            + " to everybody");
        }
        return address.map(it -> new HttpSettings(it, tls, tokens, insecure));
    }

    private Optional<TlsSettings> tls(Tls keys) {
        var cert = readable(keys.cert());
        var key = readable(keys.key());
        var clientCa = readable(keys.clientCa());
        boolean hasCert = given.containsKey(keys.cert().name());
        boolean hasKey = given.containsKey(keys.key().name());
        if (hasCert && !hasKey) {
            problem(keys.cert(), "%s with it".formatted(keys.key().name()));
        } else if (hasKey && !hasCert) {
            problem(keys.key(), "%s with it".formatted(keys.cert().name()));
        } else if (!hasCert && given.containsKey(keys.clientCa().name())) {
            problem(keys.clientCa(), "%s and %s with it".formatted(keys.cert().name(), keys.key().name()));
        }
        return cert.isPresent() && key.isPresent() ? Optional.of(new TlsSettings(cert.get(), key.get(), clientCa)) : Optional.empty();
    }

    private Optional<ArchiveSettings> archive() {
        var location = read(Keys.ARCHIVE_URL);
        var compression = read(Keys.ARCHIVE_COMPRESSION);
        Optional<Encryption> encryption = readable(Keys.ARCHIVE_KEY_FILE).filter(Concluding::isReadable).flatMap(this::encryption);
        var keep = read(Keys.ARCHIVE_KEEP);
        if (keep.isPresent() && keep.get().compareTo(LEAST_ARCHIVE_KEEP) < 0) {
            problem(Keys.ARCHIVE_KEEP, "at least %s: so long other relays that share the archive may take to say there what they need"
                    .formatted(Durations.format(LEAST_ARCHIVE_KEEP)));
        }
        var importFrom = read(Keys.ARCHIVE_IMPORT);
        if (!given.containsKey(Keys.ARCHIVE_URL.name())) {
            for (Key<?> other : List.of(Keys.ARCHIVE_COMPRESSION, Keys.ARCHIVE_KEY_FILE, Keys.ARCHIVE_KEEP, Keys.ARCHIVE_IMPORT)) {
                if (given.containsKey(other.name())) {
                    problem(other, "%s with it".formatted(Keys.ARCHIVE_URL.name()));
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
            problem(Keys.ARCHIVE_KEY_FILE, "a key: " + e.getMessage());
            return Optional.empty();
        }
    }

    private Optional<CacheSettings> cache() {
        var memory = atLeast(Keys.CACHE_MEMORY, LEAST_MEMORY);
        var disk = atLeast(Keys.CACHE_DISK, LEAST_DISK);
        var keep = given.containsKey(Keys.CACHE_KEEP.name())
                ? read(Keys.CACHE_KEEP)
                : Optional.of(given.containsKey(Keys.ARCHIVE_URL.name()) ? KEEP_WITH_ARCHIVE : KEEP);
        var onFull = read(Keys.CACHE_ON_FULL);
        long room = Math.max(directMemory - MEMORY_BESIDE_TAIL, LEAST_MEMORY.bytes());
        if (memory.isPresent() && memory.get().bytes() > room) {
            problem(
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
        var maxRetained = read(Keys.SLOTS_MAX_RETAINED);
        var inactiveTimeout = read(Keys.SLOTS_INACTIVE_TIMEOUT);
        Map<String, ByteSize> named = new LinkedHashMap<>();
        standbys.forEach(standby -> standby.maxRetained().ifPresent(most -> named.put(standby.name(), most)));
        if (cache.isEmpty() || inactiveTimeout.isEmpty()) {
            return Optional.empty();
        }
        ByteSize disk = cache.get().disk();
        boolean hold = cache.get().onFull() == CacheSettings.OnFull.HOLD_UPSTREAM;
        if (!hold && maxRetained.isPresent() && maxRetained.get().compareTo(disk) >= 0) {
            problem(Keys.SLOTS_MAX_RETAINED, "less than cache.disk, which is %s".formatted(disk));
        }
        if (!hold && named.values().stream().anyMatch(most -> most.compareTo(disk) >= 0)) {
            problem(Keys.STANDBYS_NAMED, "max-retained less than cache.disk, which is %s".formatted(disk));
        }
        ByteSize most = maxRetained.orElse(new ByteSize(hold ? Long.MAX_VALUE : disk.bytes() / 5 * 4));
        return Optional.of(new SlotSettings(most, named, inactiveTimeout.filter(timeout -> !timeout.isZero())));
    }

    private List<NamedStandby> named() {
        List<NamedStandby> named = read(Keys.STANDBYS_NAMED).orElse(List.of());
        Set<String> names = new HashSet<>();
        named.stream().map(NamedStandby::name).filter(name -> !names.add(name)).distinct().forEach(name ->
                problem(Keys.STANDBYS_NAMED, "each name once; \"%s\" is there again".formatted(name)));
        return named;
    }

    private Optional<StandbySettings> standbys(Optional<CacheSettings> cache, List<NamedStandby> named) {
        var aheadWait = read(Keys.STANDBYS_AHEAD_WAIT);
        var maxWriteRate = read(Keys.STANDBYS_MAX_WRITE_RATE);
        var stopTimeout = read(Keys.STANDBYS_STOP_TIMEOUT);
        return cache.isPresent() && aheadWait.isPresent() && maxWriteRate.isPresent() && stopTimeout.isPresent()
                ? Optional.of(new StandbySettings(aheadWait.get(), maxWriteRate.get(), stopTimeout.get(), sessions(cache.get().memory()), named))
                : Optional.empty();
    }

    private int sessions(ByteSize tail) {
        long fit = (directMemory - tail.bytes() - OTHER_MEMORY) / StandbySettings.SESSION_MEMORY.bytes();
        return Math.clamp(fit, 1, StandbySettings.MOST_SESSIONS);
    }

    private PeerSettings peers() {
        var urls = read(Keys.PEERS).orElse(List.of());
        var authority = readable(Keys.PEERS_CA);
        if (authority.isPresent() && urls.stream().noneMatch(url -> "https".equals(url.getScheme()))) {
            problem(Keys.PEERS_CA, "%s with https:// with it".formatted(Keys.PEERS.name()));
        }
        return new PeerSettings(urls, authority);
    }

    private void checkPorts(Optional<ListenSettings> listen, Optional<HttpSettings> http) {
        if (listen.isPresent() && http.isPresent() && listen.get().address().port() != 0 && listen.get().address().equals(http.get().address())) {
            problem(Keys.HTTP_ADDRESS, "another port than listen.address");
        }
    }

    private Optional<ByteSize> atLeast(Key<ByteSize> key, ByteSize least) {
        var size = read(key);
        if (size.isPresent() && size.get().compareTo(least) < 0) {
            problem(key, "at least %s".formatted(least));
        }
        return size;
    }

    private Optional<Path> readable(Key<Path> key) {
        var path = read(key);
        if (path.isPresent() && !isReadable(path.get())) {
            problem(key, "a file that exists and that this user may read");
        }
        return path;
    }

    private static boolean isReadable(Path path) {
        return Files.isRegularFile(path) && Files.isReadable(path);
    }

    private List<String> lines(Key<?> key) {
        Given value = given.get(key.name());
        return value == null ? List.of() : value.lines();
    }

    /** The value that was given, else the default; empty when there is neither, or when it is wrong, which is then noted. */
    private <T> Optional<T> read(Key<T> key) {
        Given value = given.get(key.name());
        if (value == null) {
            return key.defaultText().map(text -> key.type().read().apply(List.of(text)));
        }
        if (!key.type().list() && value.lines().size() != 1) {
            problem(key, key.type().expected());
            return Optional.empty();
        }
        try {
            return Optional.of(key.type().read().apply(value.lines()));
        } catch (IllegalArgumentException e) {
            problem(key, key.type().expected());
            return Optional.empty();
        }
    }

    private void problem(Key<?> key, String expected) {
        Given value = given.get(key.name());
        String origin = value == null ? "default" : value.origin();
        String shown = key.type().secret() ? "(not shown)" : value == null ? key.defaultText().orElse("not given") : value.shown();
        problems.add(new Problem(key.name(), shown, origin, expected));
    }
}
