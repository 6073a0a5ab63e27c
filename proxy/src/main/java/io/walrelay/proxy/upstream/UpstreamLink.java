package io.walrelay.proxy.upstream;

import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.conninfo.Conninfo;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.cache.storage.Storage;
import io.walrelay.proxy.config.UpstreamSettings;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.upstream.UpstreamDecision.Follow;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.proxy.upstream.UpstreamDecision.Wait;
import io.walrelay.proxy.upstream.UpstreamSnapshot.OnDivergence;
import io.walrelay.proxy.upstream.UpstreamSnapshot.Own;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The relay's link to upstream: one control thread that asks the hosts, lets {@link UpstreamChoice} decide, and does what it says.
 *
 * <pre>
 *   ask all hosts ─▶ choose ─┬─▶ Follow: slot, cache, stream until it ends ─┐
 *        ▲                   ├─▶ Stop: not ready; look again                │
 *        └───────────────────┴─▶ Wait: pause, longer each time ◀────────────┘
 * </pre>
 *
 * <p>Three threads: the control thread blocks on connections; the WAL writer thread, on which the stream's channel lives, is the only
 * one that writes WAL; another event loop carries all other sessions. Methods are thread-safe.
 */
public final class UpstreamLink implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(UpstreamLink.class);
    private static final String UPSTREAM = "upstream";
    private static final String WAITING = "upstream-waiting";
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

    private final Conninfo conninfo;
    private final OnDivergence onDivergence;
    private final RelayState relay;
    private final LinkTiming timing;
    private final DurableFiles durable;
    private final LinkStatus status;
    private final Wakeup wakeup = new Wakeup();
    private final Backoff backoff;
    private final EventLoopGroup writerLoop = loop("wal-writer");
    private final EventLoopGroup probeLoop = loop("upstream-probe");
    private final UpstreamHosts hosts;
    private final UpstreamFollower follower;
    private final Thread control;
    private final AtomicReference<@Nullable FollowOrder> order = new AtomicReference<>();
    private volatile boolean closed;

    /* Confined to the control thread. */
    private Optional<HostAddress> inUse = Optional.empty();
    private Optional<HostAddress> usedAsPrimary = Optional.empty();
    private String stoppedFor = "";
    private final Hindrance hindrance;
    private final Set<String> noted = new HashSet<>();

    /**
     * Reads the files that the connection string names; connects to nothing yet.
     *
     * @param storage the data directory; when {@code relay} has no cache yet, one is begun there as soon as an upstream is known
     * @param fatal called once the disk has failed in a way that only a restart mends; on any thread
     * @throws IOException when a file for TLS can't be used, or what is known of upstream can't be read
     */
    public UpstreamLink(
            UpstreamSettings settings,
            RelayState relay,
            Storage storage,
            CacheSettings cache,
            LinkTiming timing,
            Consumer<IOException> fatal)
            throws IOException {
        this.conninfo = settings.conninfo();
        this.onDivergence = switch (settings.onDivergence()) {
            case STOP -> OnDivergence.STOP;
            case FOLLOW -> OnDivergence.FOLLOW;
        };
        this.relay = relay;
        this.timing = timing;
        this.durable = new DurableFiles(storage);
        this.status = new LinkStatus(relay);
        this.hindrance = new Hindrance(relay.events());
        this.backoff = new Backoff(timing.firstRetry(), timing.lastRetry(), ThreadLocalRandom.current());
        String name = conninfo.applicationName().orElse(settings.slot());
        UpstreamDialer dialer = new UpstreamDialer(conninfo, name, timing);
        this.hosts = new UpstreamHosts(dialer, probeLoop, conninfo.hosts());
        SlotKeeper slots = new SlotKeeper(settings.slot(), relay.events(), relay.clock(), timing);
        WalProbe wal = new WalProbe(dialer, probeLoop, timing);
        StartPosition start = new StartPosition(conninfo, dialer, probeLoop, wal, slots);
        this.follower = new UpstreamFollower(
                new UpstreamFollower.Parts(relay, status, dialer, writerLoop, slots, wal, start, storage, cache, timing, wakeup, fatal), settings.start(), name);
        this.control = Thread.ofPlatform().name("upstream-control").unstarted(this::run);
        FactsFile.load(durable).ifPresent(relay::learn);
    }

    private static EventLoopGroup loop(String name) {
        IoHandlerFactory io = Epoll.isAvailable() ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
        return new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory(name, true), io);
    }

    /** Begins to connect. What an earlier run recovered counts as acknowledged: nobody remembers how far upstream was told. */
    public void start() {
        conninfo.notes().forEach(note -> log.info("conninfo: {}", note));
        relay.cache().ifPresentOrElse(
                cache -> {
                    status.acknowledged(cache.end().acknowledgeable());
                    follower.alarm(cache);
                },
                () -> relay.setNotReady(UPSTREAM, "no upstream was seen yet"));
        control.start();
    }

    /** What {@code walrelay follow} says. It holds until it was carried out or another one comes. */
    public void followOrder(FollowOrder said) {
        order.set(said);
        wakeup.call();
    }

    /** Stops reading WAL, or goes on: for a retention that has no more room to give. */
    public void hold(boolean hold) {
        follower.hold(hold);
    }

    private void run() {
        try {
            while (!closed) {
                wakeup.await(round());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            log.error("the upstream link failed", e);
            follower.fail(new IOException("the upstream link failed: " + e, e));
        }
    }

    /** One look at the hosts and what follows from it. Returns how long to pause then. */
    private Duration round() throws InterruptedException {
        status.become(State.CONNECTING, Optional.empty(), relay.upstream().problem());
        UpstreamSnapshot snapshot = look(Optional.empty());
        inUse = inUse.filter(host -> hosts.probe(host).isPresent());
        UpstreamDecision decision = UpstreamChoice.decide(snapshot);
        log.debug("{}", decision);
        return switch (decision) {
            case Follow follow -> follow(follow, snapshot);
            case Stop stop -> stop(stop);
            case Wait wait -> pause(WAITING, wait.reasons().size() == 1 ? host(snapshot) : Optional.empty(), reasons(wait));
        };
    }

    private static String reasons(Wait wait) {
        return wait.reasons().stream().map(UpstreamDecision.HostReason::toString).collect(Collectors.joining("; "));
    }

    /** @param kind of the event that says why */
    private Duration pause(String kind, Optional<HostAddress> host, String why) {
        status.become(State.WAITING, host, Optional.of(why));
        if (!closed) {
            hindrance.tell(kind, why);
        }
        return backoff.next();
    }

    private static Optional<HostAddress> host(UpstreamSnapshot snapshot) {
        return snapshot.reports().size() == 1 ? Optional.of(snapshot.reports().getFirst().host()) : Optional.empty();
    }

    /** @param streaming the host that streams to us now: it answers, also when it has no room for another session */
    private UpstreamSnapshot look(Optional<HostReport.Reachable> streaming) throws InterruptedException {
        Optional<Own> own = relay.cache().map(this::own);
        Optional<FollowOrder> said = Optional.ofNullable(order.get());
        List<HostReport> reports = hosts.ask(said, inUse, (connection, probe) -> {
            if (streaming.isPresent()) {
                follower.visit(connection, probe);
            }
        });
        List<HostReport> seen = reports.stream()
                .map(r -> r instanceof HostReport.Unreachable ? streaming.<HostReport>map(s -> s.host().equals(r.host()) ? s : r).orElse(r) : r)
                .toList();
        return new UpstreamSnapshot(own, said, Optional.empty(), unlessDemoted(seen), seen, conninfo.targetSessionAttrs(), onDivergence);
    }

    /**
     * The host in use, unless it was a primary while it was used and is in recovery now: after a switch-over it may be a standby of
     * this very relay, and the two would wait for each other for ever.
     */
    private Optional<HostAddress> unlessDemoted(List<HostReport> seen) {
        Optional<HostReport.Reachable> now = seen.stream()
                .filter(r -> inUse.filter(r.host()::equals).isPresent())
                .filter(HostReport.Reachable.class::isInstance)
                .map(HostReport.Reachable.class::cast)
                .findFirst();
        if (now.isPresent() && !now.get().inRecovery()) {
            usedAsPrimary = inUse;
        }
        boolean demoted = now.isPresent() && now.get().inRecovery() && usedAsPrimary.equals(inUse);
        return demoted ? Optional.empty() : inUse;
    }

    private Own own(WalCache cache) {
        EndOfWal end = cache.end();
        Lsn acknowledged = cache.writer().lastRecordBefore(status.acknowledged());
        return new Own(cache.system(), cache.segmentSize(), end.lineage(), end.written(), Lsn.min(acknowledged, end.written()));
    }

    private Duration stop(Stop stop) {
        relay.setNotReady(UPSTREAM, stop.readiness());
        status.become(State.STOPPED, Optional.empty(), Optional.of(stop.toString()));
        if (!stoppedFor.equals(stop.reason())) {
            stoppedFor = stop.reason();
            relay.events().error("upstream-stopped", stop.toString());
        }
        return timing.look();
    }

    private Duration follow(Follow follow, UpstreamSnapshot snapshot) throws InterruptedException {
        note(follow);
        HostProbe probe = hosts.probe(follow.host()).orElseThrow();
        learn(probe.facts());
        FollowOrder said = snapshot.order().orElse(null);
        UpstreamFollower.Outcome outcome = follower.follow(follow, probe, snapshot, () -> {
            inUse = Optional.of(follow.host());
            carriedOut(said);
            if (!probe.report().inRecovery()) {
                usedAsPrimary = inUse;
            }
            stoppedFor = "";
            hindrance.over();
            backoff.reset();
            relay.clearNotReady(UPSTREAM);
        }, this::keepOn);
        return switch (outcome) {
            case UpstreamFollower.Outcome.Again() -> Duration.ZERO;
            case UpstreamFollower.Outcome.Instead(var other) -> {
                inUse = Optional.of(other);
                yield Duration.ZERO;
            }
            case UpstreamFollower.Outcome.Later(var reason) -> pause(WAITING, Optional.of(follow.host()), "%s: %s".formatted(follow.host(), reason));
            case UpstreamFollower.Outcome.Lost(var reason) -> pause("upstream-lost", Optional.of(follow.host()), "%s: %s".formatted(follow.host(), reason));
            case UpstreamFollower.Outcome.Decide(var stop) -> stop(stop);
        };
    }

    /** Asked now and then while a stream runs: waits a while, looks at all hosts, and says whether to go on with the stream. */
    private boolean keepOn(Follow current, WalStream stream) throws InterruptedException {
        wakeup.await(timing.look());
        if (closed || stream.end().isDone()) {
            return !closed;
        }
        Optional<HostReport.Reachable> streaming = hosts.probe(current.host()).map(HostProbe::report).or(() -> follower.following());
        UpstreamSnapshot snapshot = look(streaming);
        hosts.probe(current.host()).ifPresent(probe -> {
            follower.refresh(probe, stream);
            learn(probe.facts());
        });
        return switch (UpstreamChoice.decide(snapshot)) {
            case Follow next -> {
                note(next);
                if (next.host().equals(current.host())) {
                    carriedOut(snapshot.order().orElse(null));
                }
                unhindered(current);
                yield next.host().equals(current.host()) && next.orphan().isEmpty();
            }
            // Told to stop, or to wait for a host that was ordered: what runs is no worse than nothing until it answers.
            case Stop stop -> {
                hindered(current, stop.toString());
                yield snapshot.order().isPresent();
            }
            case Wait wait -> {
                hindered(current, reasons(wait));
                yield true;
            }
        };
    }

    /** It streams, and not as it was told to. */
    private void hindered(Follow current, String why) {
        status.become(State.STREAMING, Optional.of(current.host()), Optional.of(why));
        hindrance.tell(WAITING, why);
    }

    private void unhindered(Follow current) {
        if (relay.upstream().problem().isPresent()) {
            status.become(State.STREAMING, Optional.of(current.host()), Optional.empty());
            hindrance.over();
        }
    }

    /** From now on the host that was ordered is the one in use. A newer order stays. */
    private void carriedOut(@Nullable FollowOrder said) {
        if (said != null && order.compareAndSet(said, null)) {
            usedAsPrimary = Optional.empty();
            relay.cache().ifPresent(follower::acceptOrphans);
        }
    }

    private void note(Follow follow) {
        follow.notes().stream().filter(noted::add).forEach(note -> relay.events().warning("upstream-note", note));
    }

    private void learn(UpstreamFacts facts) {
        if (relay.facts().filter(facts::equals).isEmpty()) {
            relay.learn(facts);
            try {
                FactsFile.save(durable, facts);
            } catch (IOException e) {
                relay.events().warning("disk", "could not keep what is known of upstream: " + e);
            }
        }
    }

    /** Reports what is flushed, ends the stream and waits for the threads, a few seconds at most. The cache stays open. */
    @Override
    public void close() {
        closed = true;
        follower.stop();
        wakeup.call();
        try {
            if (!control.join(CLOSE_LIMIT)) {
                control.interrupt();
                control.join(CLOSE_LIMIT);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        follower.close();
        for (EventLoopGroup group : List.of(probeLoop, writerLoop)) {
            var _ = group.shutdownGracefully(0, CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS).awaitUninterruptibly(CLOSE_LIMIT.toMillis());
        }
    }
}
