package io.walrelay.proxy.upstream;

import io.walrelay.cache.slot.SlotLimits;
import io.walrelay.proxy.conninfo.Conninfo;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.storage.PosixStorage;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.config.HintUrl;
import io.walrelay.proxy.config.ForwardAs;
import io.walrelay.proxy.config.UpstreamSettings;
import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.feedback.FeedbackLimits;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.slotsync.WaitsFor;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

/** A relay that is nothing but its upstream link and its data directory. */
final class TestLink implements AutoCloseable {

    static final Duration SOON = Duration.ofSeconds(20);
    static final String SLOT = "relay_1";

    /** As quick as real ones would be on a network without distances. */
    static final LinkTiming QUICK = new LinkTiming(
            Duration.ofSeconds(3),
            Duration.ofSeconds(5),
            Duration.ofSeconds(60),
            Duration.ofSeconds(1),
            Duration.ofMillis(500),
            Duration.ofMillis(50),
            Duration.ofMillis(500),
            Duration.ofSeconds(3));

    final RelayState state;
    final List<IOException> fatal = new CopyOnWriteArrayList<>();
    final UpstreamLink link;
    private final Path data;

    private TestLink(Path data, String conninfo, UpstreamSettings.Start start, LinkTiming timing, Optional<UpstreamSettings.Hint> hint)
            throws IOException {
        this(data, conninfo, start, timing, hint, new AcknowledgePolicy.Own());
    }

    private TestLink(
            Path data, String conninfo, UpstreamSettings.Start start, LinkTiming timing, Optional<UpstreamSettings.Hint> hint, AcknowledgePolicy policy)
            throws IOException {
        this.data = data;
        this.state = new RelayState(
                Clock.systemUTC(),
                new UpstreamStatus(
                        State.CONNECTING, Optional.empty(), Instant.EPOCH, Lsn.INVALID, Lsn.INVALID, Lsn.INVALID, Optional.empty(), Optional.empty()),
                policy,
                new SlotSync(WaitsFor.NOBODY, SLOT),
                FeedbackLimits.DEFAULT);
        PosixStorage storage = new PosixStorage(data);
        Tiers tiers = Tiers.local(storage, new CacheSettings(64 << 20, 10L << 30, Duration.ofHours(1), SlotLimits.upTo(10L << 30), false));
        Optional<WalCache> cache = WalCache.open(tiers);
        cache.ifPresent(state::open);
        this.link = new UpstreamLink(
                new UpstreamSettings(
                        Conninfo.parse(conninfo, Map.of()),
                        SLOT,
                        start,
                        policy,
                        UpstreamSettings.SlotFollows.ACKNOWLEDGED,
                        UpstreamSettings.OnDivergence.STOP,
                        hint),
                ForwardAs.CLIENT,
                state,
                tiers,
                timing,
                fatal::add);
        link.start();
    }

    static TestLink start(Path data, String conninfo) throws IOException {
        return start(data, conninfo, QUICK);
    }

    static TestLink start(Path data, String conninfo, LinkTiming timing) throws IOException {
        return new TestLink(data, conninfo, new UpstreamSettings.Start.Slot(), timing, Optional.empty());
    }

    static TestLink start(Path data, String conninfo, UpstreamSettings.Start start) throws IOException {
        return new TestLink(data, conninfo, start, QUICK, Optional.empty());
    }

    /** @param policy as in {@code upstream.acknowledge} */
    static TestLink acknowledging(String policy, Path data, String conninfo) throws IOException {
        return new TestLink(data, conninfo, new UpstreamSettings.Start.Slot(), QUICK, Optional.empty(), AcknowledgePolicy.parse(policy));
    }

    /** @param hint as in {@code upstream.hint} */
    static TestLink hinted(Path data, String conninfo, String hint) throws IOException {
        UpstreamSettings.Hint settings = new UpstreamSettings.Hint(new HintUrl(hint), Optional.empty());
        return new TestLink(data, conninfo, new UpstreamSettings.Start.Slot(), QUICK, Optional.of(settings));
    }

    /** Conninfo of several servers, in this order. */
    static String of(LocalPostgres... servers) {
        String ports = String.join(",", Arrays.stream(servers).map(s -> Integer.toString(s.port())).toList());
        String hosts = String.join(",", Arrays.stream(servers).map(s -> "127.0.0.1").toList());
        return "host=%s port=%s user=postgres sslmode=disable".formatted(hosts, ports);
    }

    WalCache cache() {
        return state.cache().orElseThrow();
    }

    void awaitStreaming() {
        Await.until("the link to stream", SOON, state::upstream, s -> s.state() == State.STREAMING);
    }

    /** Waits until all that {@code server} has flushed by now is on the relay's disk and acknowledged. */
    Lsn awaitAllOf(LocalPostgres server) {
        Lsn target = server.flushedLsn();
        Await.until("the relay to acknowledge " + target, SOON, () -> state.upstream().acknowledged(), lsn -> lsn.isAtLeast(target));
        return target;
    }

    /** As {@link #awaitAllOf}, of a standby that is to have WAL up to {@code target}. */
    Lsn awaitAllOfStandby(LocalPostgres standby, Lsn target) {
        standby.awaitReplay(target, SOON);
        Await.until("the relay to acknowledge " + target, SOON, () -> state.upstream().acknowledged(), lsn -> lsn.isAtLeast(target));
        return target;
    }

    void awaitProblem(String part) {
        Await.until("a problem with: " + part, SOON, () -> state.upstream().problem().orElse(""), p -> p.contains(part));
    }

    void awaitEvent(String kind) {
        Await.until("event " + kind, SOON, state.events()::recent, events -> events.stream().map(Event::kind).anyMatch(kind::equals));
    }

    List<String> events() {
        return state.events().recent().stream().map(e -> e.kind() + ": " + e.text()).toList();
    }

    /** Every segment that both have is the same; of one that is being written, what the relay has of it. Returns how many were compared. */
    int assertSameWal(LocalPostgres server) throws IOException {
        Lsn end = cache().end().written();
        int compared = 0;
        try (Stream<Path> files = Files.list(data.resolve("wal"))) {
            for (Path ours : files.filter(f -> f.getFileName().toString().matches("[0-9A-F]{24}(\\.partial)?")).toList()) {
                String name = ours.getFileName().toString().replace(".partial", "");
                Path theirs = server.dataDirectory().resolve("pg_wal").resolve(name);
                if (Files.exists(theirs)) {
                    byte[] expected = Files.readAllBytes(theirs);
                    byte[] actual = Files.readAllBytes(ours);
                    boolean partial = ours.toString().endsWith(".partial");
                    // A timeline that was left ends in the middle of its last segment.
                    TimelineId timeline = new TimelineId(Integer.parseUnsignedInt(name, 0, 8, 16));
                    Lsn last = cache().end().lineage().switchPointOf(timeline).orElse(end);
                    int length = partial ? cache().segmentSize().offset(last) : expected.length;
                    assertArrayEquals(Arrays.copyOf(expected, length), Arrays.copyOf(actual, length), name);
                    compared++;
                }
            }
        }
        assertEquals(List.of(), fatal);
        return compared;
    }

    @Override
    public void close() throws IOException {
        link.close();
        Optional<WalCache> cache = state.cache();
        if (cache.isPresent()) {
            cache.get().close();
        }
    }
}
