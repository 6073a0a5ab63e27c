package io.walrelay.proxy.standby;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.DivergentWalException;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.protocol.handshake.AuthenticationDecision;
import io.walrelay.protocol.handshake.MockVerifiers;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.config.HostPort;
import io.walrelay.proxy.config.TlsSettings;
import io.walrelay.proxy.feedback.FeedbackLimits;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.slotsync.WaitsFor;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.WalCraft;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A relay without an upstream link: crafted WAL goes in by hand, standbys connect to a real port. The test is the WAL writer thread. */
final class RelayFixture implements AutoCloseable {

    static final StandbyLimits LIMITS =
            new StandbyLimits(Duration.ofSeconds(5), Duration.ofSeconds(60), 100, Duration.ofSeconds(60), 100);

    private final RelayState state;
    private final WalCache cache;
    private final StandbyServer server;
    private final FakeUpstream upstream;

    private RelayFixture(RelayState state, WalCache cache, StandbyServer server, FakeUpstream upstream) {
        this.state = state;
        this.cache = cache;
        this.server = server;
        this.upstream = upstream;
    }

    /** Trusts everybody and holds all of {@code wal}. */
    static RelayFixture trusting(Path data, WalCraft wal, StandbyLimits limits) throws IOException, DivergentWalException {
        return trusting(data, wal, limits, new AcknowledgePolicy.Own());
    }

    /** As {@link #trusting(Path, WalCraft, StandbyLimits)}, with members that may be waited for. */
    static RelayFixture trusting(Path data, WalCraft wal, StandbyLimits limits, AcknowledgePolicy policy) throws IOException, DivergentWalException {
        return start(
                data,
                wal,
                limits,
                (_, _) -> CompletableFuture.completedFuture(new Authenticator.Admission(new AuthenticationDecision.Trust(), Optional.empty())),
                Optional.empty(),
                policy);
    }

    static RelayFixture start(
            Path data, WalCraft wal, StandbyLimits limits, Authenticator authenticator, Optional<TlsSettings> tls)
            throws IOException, DivergentWalException {
        return start(data, wal, limits, authenticator, tls, new AcknowledgePolicy.Own());
    }

    private static RelayFixture start(
            Path data, WalCraft wal, StandbyLimits limits, Authenticator authenticator, Optional<TlsSettings> tls, AcknowledgePolicy policy)
            throws IOException, DivergentWalException {
        var settings = new CacheSettings(1 << 20, 1L << 30, Duration.ofHours(1), SlotLimits.upTo(1L << 30), false);
        WalCache cache = WalCache.create(Tiers.local(new PosixStorage(data), settings), wal.systemId(), wal.segmentSize(), wal.history(), wal.start());
        RelayState state = emptyState(policy);
        state.open(cache);
        state.learn(facts(wal, "off"));
        FakeUpstream upstream = FakeUpstream.start();
        StandbyServer server = StandbyServer.start(new HostPort("127.0.0.1", 0), Optional.empty(), tls, limits, authenticator, MockVerifiers.random(new SecureRandom()), upstream, state);
        RelayFixture fixture = new RelayFixture(state, cache, server, upstream);
        fixture.receive(wal, wal.end());
        return fixture;
    }

    private static UpstreamFacts facts(WalCraft wal, String inRecovery) {
        return new UpstreamFacts(
                wal.systemId(),
                wal.segmentSize(),
                Map.of("server_version", "15.18", "integer_datetimes", "on", "in_hot_standby", inRecovery, "TimeZone", "Etc/UTC"),
                Map.of("wal_segment_size", "1MB", "data_directory_mode", "0700"));
    }

    /** Upstream is a standby from now on. */
    void upstreamIsInRecovery(WalCraft wal) {
        state.learn(facts(wal, "on"));
    }

    static RelayState emptyState() {
        return emptyState(new AcknowledgePolicy.Own());
    }

    private static RelayState emptyState(AcknowledgePolicy policy) {
        Instant now = Clock.systemUTC().instant();
        return new RelayState(
                Clock.systemUTC(),
                new UpstreamStatus(
                        UpstreamStatus.State.STREAMING, Optional.of("pg1:5432"), now, Lsn.INVALID, Lsn.INVALID, Lsn.INVALID, Optional.of(now), Optional.empty()),
                policy,
                new SlotSync(WaitsFor.NOBODY, "relay"),
                FeedbackLimits.DEFAULT);
    }

    /** WAL from the present end up to {@code end} arrives. */
    void receive(WalCraft wal, Lsn end) throws IOException, DivergentWalException {
        Lsn from = cache.end().written();
        if (end.isAfter(from)) {
            ByteBuf bytes = Unpooled.wrappedBuffer(wal.bytes(from, end));
            cache.writer().append(from, bytes);
            cache.writer().publish();
            state.walAdvanced();
        }
    }

    /** Goes on with the timeline of {@code wal}. */
    void follow(WalCraft wal) throws IOException {
        cache.follow(wal.history(), wal.history().format().getBytes(StandardCharsets.UTF_8), Lsn.INVALID);
        state.walAdvanced();
    }

    void upstreamIs(UpstreamStatus.State now) {
        UpstreamStatus before = state.upstream();
        state.update(new UpstreamStatus(
                now, before.host(), before.since(), before.received(), before.upstreamEnd(), before.acknowledged(), before.lastMessage(), before.problem()));
    }

    /** Streams from {@code host} from now on. */
    void upstreamIs(String host) {
        UpstreamStatus before = state.upstream();
        state.update(new UpstreamStatus(
                UpstreamStatus.State.STREAMING, Optional.of(host), before.since(), before.received(), before.upstreamEnd(), before.acknowledged(), before.lastMessage(), before.problem()));
    }

    RelayState state() {
        return state;
    }

    WalCache cache() {
        return cache;
    }

    /** Where sessions go that are not the relay's own. */
    FakeUpstream upstream() {
        return upstream;
    }

    StandbyServer server() {
        return server;
    }

    InetSocketAddress address() {
        return server.address();
    }

    @Override
    public void close() throws IOException {
        try {
            server.stop(Duration.ofMillis(200)).toCompletableFuture().get(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("the server did not stop", e);
        }
        upstream.close();
        cache.close();
    }
}
