package io.walrelay.proxy.relay;

import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ObjectFormat;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Storage;
import io.walrelay.proxy.auth.AuthQuery;
import io.walrelay.proxy.auth.CachedUsers;
import io.walrelay.proxy.auth.FirstAnswer;
import io.walrelay.proxy.auth.FollowedFirst;
import io.walrelay.proxy.auth.JdbcAuthQuery;
import io.walrelay.proxy.auth.Users;
import io.walrelay.proxy.auth.UsersFile;
import io.walrelay.proxy.config.ArchiveSettings;
import io.walrelay.proxy.config.ByteSize;
import io.walrelay.proxy.config.CacheSettings;
import io.walrelay.proxy.config.Configuration;
import io.walrelay.proxy.config.InvalidSettingsException;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.config.UserSource;
import io.walrelay.proxy.feedback.FeedbackLimits;
import io.walrelay.proxy.http.HttpLimits;
import io.walrelay.proxy.http.HttpServer;
import io.walrelay.proxy.http.Orders;
import io.walrelay.proxy.metrics.RelayMetrics;
import io.walrelay.proxy.servers.SqlTarget;
import io.walrelay.proxy.shaping.Shaping;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.slotsync.WaitsByPolicy;
import io.walrelay.proxy.standby.HbaAuthenticator;
import io.walrelay.proxy.standby.StandbyLimits;
import io.walrelay.proxy.standby.StandbyServer;
import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.state.ProcessFacts;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.upstream.LinkTiming;
import io.walrelay.proxy.upstream.UpstreamLink;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The running relay. Started and closed by one thread. */
public final class Relay implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Relay.class);

    private static final Duration PASSWORD_CHANGES_SEEN_WITHIN = Duration.ofSeconds(10);

    /** What was started and must be ended, the newest first. */
    private final Deque<AutoCloseable> parts = new ArrayDeque<>();

    private final Configuration configuration;
    private final Settings settings;
    private final RelayState state;
    private volatile @Nullable Reloading reloading;

    private Relay(Configuration configuration, Clock clock) {
        this.configuration = configuration;
        this.settings = configuration.settings();
        this.state = new RelayState(
                clock,
                new UpstreamStatus(
                        UpstreamStatus.State.CONNECTING,
                        Optional.empty(),
                        clock.instant(),
                        Lsn.INVALID,
                        Lsn.INVALID,
                        Lsn.INVALID,
                        Optional.empty(),
                        Optional.empty()),
                settings.upstream().acknowledge(),
                new SlotSync(new WaitsByPolicy(settings.upstream().acknowledge(), settings.upstream().slotFollows()), settings.upstream().slot()),
                new FeedbackLimits(settings.feedback().maxXminAge(), settings.feedback().capCatalog()));
    }

    /**
     * Starts everything. Standbys can connect as soon as this returns, also when upstream is away: what is on disk is served.
     *
     * @param reader reads the configuration again when the relay is told to
     * @param version of the program, for reports
     * @param aboutToListen called when all is recovered, before anything listens: until then the process may end as it is; from then on the relay has
     *     to be closed, when this has returned
     * @param fatal told when the disk failed so that only a restart mends it
     * @throws IOException with what is in the way; nothing is left running
     */
    public static Relay start(
            Configuration configuration, Configuration.Reader reader, String version, Clock clock, Runnable aboutToListen, Consumer<IOException> fatal)
            throws IOException {
        Relay relay = new Relay(configuration, clock);
        try {
            relay.startParts(reader, version, aboutToListen, fatal);
            return relay;
        } catch (DurableFiles.DamagedFileException e) {
            relay.close();
            throw new IOException("the data directory %s is damaged: %s".formatted(configuration.settings().data(), e.getMessage()), e);
        } catch (IOException | RuntimeException e) {
            relay.close();
            throw e;
        }
    }

    private void startParts(Configuration.Reader reader, String version, Runnable aboutToListen, Consumer<IOException> fatal) throws IOException {
        // The directory first: whoever has it may touch the WAL in it.
        DataDirectory directory = DataDirectory.take(settings.data());
        parts.push(directory);
        Storage storage = directory.storage();
        Tiers tiers = new Tiers(storage, cacheSettings(), archive(directory));
        // Before a standby may say something newer.
        state.whenOpen(state.acknowledging()::recall);
        state.setShaping(Shaping.load(settings.standbys().named(), new DurableFiles(storage), state.clock()));
        WalCache.open(tiers).ifPresent(state::open);
        parts.push(this::closeCache);
        Users users = users();
        parts.push(users);
        // The link knows from its last run what standbys are told of upstream, so it is made before they can ask.
        UpstreamLink link = new UpstreamLink(
                settings.upstream(), settings.listen().forwardAs(), state, tiers, LinkTiming.DEFAULT, fatal);
        parts.push(link);
        aboutToListen.run();
        // Standbys before upstream: what is held is served whether upstream is there or not.
        StandbyServer standbys = StandbyServer.start(
                settings.listen().address(),
                settings.listen().unix(),
                settings.listen().tls(),
                StandbyLimits.of(settings.standbys()),
                new HbaAuthenticator(settings.listen().hba(), users, state.clock()),
                MockNonce.load(storage),
                link.access(),
                state);
        // At the end standbys go last, with all that came.
        parts.pop();
        Archiving archiving = new Archiving(state, settings.verify(), settings.archive(), "the relay with slot " + settings.upstream().slot(), link::mend);
        parts.push(archiving);
        parts.push(() -> stop(standbys));
        parts.push(link);
        ProcessFacts process = new ProcessFacts(version, state.clock().instant(), settings.advertise().url(), settings.advertisedAt(), settings.reachedAt());
        Housekeeping housekeeping = new Housekeeping(state, link::hold);
        parts.push(housekeeping);
        SlotMirror mirror = new SlotMirror(state, settings.upstream().conninfo());
        parts.push(mirror);
        RelayMetrics metrics = new RelayMetrics(state, process, standbys.addedDelay());
        metrics.show(settings);
        state.whenOpen(cache -> cache.writer().onFsync(metrics::fsyncTook));
        state.whenOpen(this::checkDiskLimit);
        state.whenOpen(cache -> cache.hotStandby().listen(new HotStandbyEvents(state.events())));
        state.whenOpen(archiving::begin);
        HttpServer http = HttpServer.start(
                settings.http(), HttpLimits.DEFAULT, state, process, metrics, orders(link), archiving);
        parts.push(http);
        mirror.start();
        link.start();
        housekeeping.start();
        PeersInUse peers = new PeersInUse(settings, state);
        parts.push(peers);
        Reloading reload = new Reloading(
                configuration,
                reader,
                List.of(
                        now -> standbys.prepare(now.listen().tls(), new HbaAuthenticator(now.listen().hba(), users, state.clock())),
                        now -> http.prepare(now.http()),
                        peers::prepare,
                        now -> () -> metrics.showCertificates(now)),
                state.events());
        parts.push(reload);
        reload.start();
        reloading = reload;
        log.info("relay started; data in {}, HTTP at {}", settings.data(), settings.http().address());
    }

    private Orders orders(UpstreamLink link) {
        return new Orders() {
            @Override
            public void follow(FollowOrder order) {
                link.followOrder(order);
            }

            @Override
            public Configuration.Difference reload() throws InvalidSettingsException, IOException {
                return Relay.this.reload();
            }
        };
    }

    /**
     * Reads the configuration and the certificates again; what came of it is an event, too. On any thread.
     *
     * @return what it changed
     * @throws InvalidSettingsException when it is wrong: nothing has changed
     * @throws IOException when a certificate is no good: nothing has changed
     */
    public Configuration.Difference reload() throws InvalidSettingsException, IOException {
        Reloading reload = reloading;
        if (reload == null) {
            throw new IOException("the relay has not started yet");
        }
        return reload.reload();
    }

    private Optional<ArchiveTier> archive(DataDirectory directory) throws IOException {
        if (settings.archive().isEmpty()) {
            return Optional.empty();
        }
        ArchiveSettings archive = settings.archive().get();
        ArchiveTier tier = new ArchiveTier(
                archive.location().open(),
                new ObjectFormat(archive.compression(), archive.encryption()),
                new DurableFiles(directory.storage()),
                directory.spool());
        parts.push(tier);
        return Optional.of(tier);
    }

    private Users users() throws IOException {
        return switch (settings.listen().users()) {
            case UserSource.File(var path) -> new UsersFile(path);
            case UserSource.AuthQuery(var conninfo, var query) -> {
                List<JdbcAuthQuery> servers = SqlTarget.of(conninfo.orElse(settings.upstream().conninfo()), "walrelay users").stream()
                        .map(t -> new JdbcAuthQuery(t.host(), t.url(), t.properties(), query.orElse(JdbcAuthQuery.DEFAULT_QUERY)))
                        .toList();
                AuthQuery asked = conninfo.isPresent() ? new FirstAnswer(servers) : new FollowedFirst(servers, this::followed, state.clock());
                yield new CachedUsers(asked, settings.data().resolve("users"), PASSWORD_CHANGES_SEEN_WITHIN, state.clock());
            }
        };
    }

    private FollowedFirst.Followed followed() {
        UpstreamStatus upstream = state.upstream();
        return new FollowedFirst.Followed(
                upstream.host(),
                upstream.state() == UpstreamStatus.State.STREAMING,
                state.facts().map(UpstreamFacts::system),
                state.cache().map(cache -> cache.end().lineage()));
    }

    private io.walrelay.cache.CacheSettings cacheSettings() {
        return new io.walrelay.cache.CacheSettings(
                settings.cache().memory().bytes(),
                settings.cache().disk().bytes(),
                settings.cache().keep(),
                slotLimits(),
                settings.cache().onFull() == CacheSettings.OnFull.HOLD_UPSTREAM);
    }

    private SlotLimits slotLimits() {
        Map<String, Long> named = settings.slots().named().entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, slot -> slot.getValue().bytes()));
        return new SlotLimits(settings.slots().maxRetained().bytes(), named, settings.slots().inactiveTimeout());
    }

    /** The limit was concluded before anybody knew how large a segment is. */
    private void checkDiskLimit(WalCache cache) {
        ByteSize segment = new ByteSize(cache.segmentSize().bytes());
        ByteSize least = CacheSettings.leastDisk(segment);
        if (settings.cache().disk().compareTo(least) < 0) {
            String problem = "cache.disk = %s: expected at least %s, since upstream has segments of %s; standbys lose their WAL as soon as they are behind"
                    .formatted(settings.cache().disk(), least, segment);
            state.events().error("disk-limit", problem);
            state.setNotReady("disk-limit", problem);
        }
    }

    private void closeCache() throws IOException {
        Optional<WalCache> cache = state.cache();
        if (cache.isPresent()) {
            cache.get().close();
        }
    }

    /** Upstream is closed by now: standbys get what there is, and then go. */
    private void stop(StandbyServer standbys) throws InterruptedException, ExecutionException {
        Duration limit = settings.standbys().stopTimeout();
        try {
            standbys.stop(limit).toCompletableFuture().get(limit.toMillis() + 10_000, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            log.warn("standby sessions did not end within {} and 10 s more; leaving them", limit, e);
        }
    }

    public RelayState state() {
        return state;
    }

    /** Ends everything in the opposite order; a part that fails to end does not keep the others. Idempotent. */
    @Override
    public void close() {
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (Exception e) {
                log.error("could not stop cleanly: {}", e.getMessage(), e);
            }
        }
    }
}
