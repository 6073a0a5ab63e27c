package io.walrelay.proxy.upstream;

import io.walrelay.proxy.state.FollowOrder;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.cache.Tiers;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalVerifier;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.proxy.config.ForwardAs;
import io.walrelay.proxy.config.UpstreamSettings;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.upstream.UpstreamDecision.Follow;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.proxy.upstream.UpstreamDecision.Wait;
import io.walrelay.proxy.upstream.UpstreamSnapshot.OnDivergence;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
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
    private static final String WAITING = "upstream-waiting";
    private static final Duration ROOM_LOOK = Duration.ofSeconds(1);
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

    private final Conninfo conninfo;
    private final RelayState relay;
    private final LinkTiming timing;
    private final KnownFacts facts;
    private final LinkStatus status;
    private final Wakeup wakeup = new Wakeup();
    private final Backoff backoff;
    private final EventLoops loops = EventLoops.open();
    private final Optional<HintQuery> hint;
    private final UpstreamHosts hosts;
    private final Room room;
    private final RunningStream running;
    private final LineageSwitch lineages;
    private final UpstreamFollower follower;
    private final Mending mending;
    private final ForwardedLogins forwarded;
    private final Thread control;
    private final AtomicReference<@Nullable FollowOrder> order = new AtomicReference<>();
    private final CompletableFuture<Boolean> closing = new CompletableFuture<>();
    private volatile boolean closed;

    /* Confined to the control thread. */
    private final UpstreamView view;
    private final Standstill standstill;
    private final Hindrance hindrance;
    private final Set<String> noted = new HashSet<>();

    /**
     * Reads the files that the connection string names; connects to nothing yet.
     *
     * @param forwardAs who clients are upstream
     * @param tiers with the data directory; when {@code relay} has no cache yet, one is begun there as soon as an upstream is known
     * @param fatal called once the disk has failed in a way that only a restart mends; on any thread
     * @throws IOException when a file for TLS can't be used, or what is known of upstream can't be read
     */
    public UpstreamLink(
            UpstreamSettings settings, ForwardAs forwardAs, RelayState relay, Tiers tiers, LinkTiming timing, Consumer<IOException> fatal)
            throws IOException {
        this.conninfo = settings.conninfo();
        this.relay = relay;
        this.timing = timing;
        this.facts = new KnownFacts(relay, new DurableFiles(tiers.disk()));
        this.status = new LinkStatus(relay);
        this.standstill = new Standstill(relay, status);
        this.hindrance = new Hindrance(relay.events());
        this.backoff = new Backoff(timing.firstRetry(), timing.lastRetry(), ThreadLocalRandom.current());
        String name = conninfo.applicationName().orElse(settings.slot());
        UpstreamDialer dialer = new UpstreamDialer(conninfo, name, timing);
        this.hosts = new UpstreamHosts(dialer, loops.probes(), conninfo.hosts(), timing);
        this.hint = settings.hint().isPresent() ? Optional.of(new HintQuery(settings.hint().get(), conninfo.hosts())) : Optional.empty();
        boolean slotFollowsOwn = settings.slotFollows() == UpstreamSettings.SlotFollows.OWN && settings.acknowledge().waitsForStandbys();
        Optional<SlotBySql> bySql =
                slotFollowsOwn ? Optional.of(new SlotBySql(dialer, loops.probes(), settings.slot(), relay.events())) : Optional.empty();
        SlotKeeper slots = new SlotKeeper(settings.slot(), bySql, relay.events(), relay.clock(), timing);
        WalProbe wal = new WalProbe(dialer, loops.probes(), timing);
        WalWriterThread writer = new WalWriterThread(loops.writer());
        this.mending = new Mending(dialer, writer);
        this.room = new Room(relay);
        this.running = new RunningStream(room, fatal);
        relay.acknowledging().onNews(running::flushed);
        this.lineages = new LineageSwitch(relay, status, writer, fatal);
        NewFolder newFolder = new NewFolder(conninfo, dialer, loops.probes(), wal, slots, settings.start(), tiers);
        StreamRefusal refusals = new StreamRefusal(relay, status, dialer, slots, new WalGap(wal), writer, timing);
        CommitWaits waits = new CommitWaits(relay.events(), timing.status(), name, settings.acknowledge());
        this.follower = new UpstreamFollower(
                relay, status, dialer, slots, timing, wakeup, writer, newFolder, lineages, refusals, waits, new PinnedWal(relay.events()), room, running, fatal);
        this.forwarded = new ForwardedLogins(conninfo, dialer, forwardAs, () -> follower.following().map(HostReport.Reachable::host), relay);
        OnDivergence onDivergence = switch (settings.onDivergence()) {
            case STOP -> OnDivergence.STOP;
            case FOLLOW -> OnDivergence.FOLLOW;
        };
        Optional<HintWatch> hints = hint.map(query -> new HintWatch(query::ask, relay.events(), wakeup::call));
        this.view = new UpstreamView(relay, status, hosts, follower::visit, hints, conninfo.targetSessionAttrs(), onDivergence);
        this.control = Thread.ofPlatform().name("upstream-control").unstarted(this::run);
        facts.load();
    }

    /** Begins to connect. What an earlier run recovered counts as acknowledged: nobody remembers how far upstream was told. */
    public void start() {
        conninfo.notes().forEach(note -> log.info("conninfo: {}", note));
        relay.cache().ifPresentOrElse(
                cache -> {
                    status.acknowledged(cache.end().acknowledgeable());
                    lineages.alarm(cache);
                },
                standstill::nothingYet);
        control.start();
    }

    /**
     * Compares WAL that is held with what the host in use has, and mends it where that differs. Blocks; any thread but the link's own.
     *
     * @param from the beginning of a segment
     * @param end where that segment ends, or WAL does
     * @throws IOException when there is no host in use, or it can't be asked
     */
    public WalVerifier.Again mend(TimelineHistory lineage, Lsn from, Lsn end) throws IOException, InterruptedException {
        HostAddress host = follower.following().map(HostReport.Reachable::host).orElseThrow(() -> new IOException("no upstream is in use"));
        return mending.mend(host, relay.cache().orElseThrow(), lineage, from, end);
    }

    /** The way to the host in use for clients of the relay, open as long as the link is. */
    public UpstreamAccess access() {
        return forwarded;
    }

    /** What {@code walrelay follow} says. It holds until it was carried out or another one comes. */
    public void followOrder(FollowOrder said) {
        order.set(said);
        wakeup.call();
    }

    /** Stops reading WAL, or goes on: for a retention that has no more room to give. */
    public void hold(boolean hold) {
        running.hold(hold);
        wakeup.call();
    }

    private void run() {
        try {
            while (!closed) {
                wakeup.await(roundOrPause());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What goes wrong in the link itself, lack of memory too, is no fault of the disk: it is said, and tried again. */
    private Duration roundOrPause() throws InterruptedException {
        try {
            return round();
        } catch (RuntimeException | Error e) {
            log.error("the upstream link failed; it tries again", e);
            status.become(State.WAITING, Optional.empty(), Optional.of("the upstream link failed: " + e));
            return backoff.next();
        }
    }

    /** One look at the hosts and what follows from it. Returns how long to pause then. */
    private Duration round() throws InterruptedException {
        Optional<String> lack = room.lack();
        if (lack.isPresent()) {
            status.become(State.WAITING, Optional.empty(), lack);
            return ROOM_LOOK;
        }
        status.become(State.CONNECTING, Optional.empty(), relay.upstream().problem());
        Optional<UpstreamSnapshot> looked = view.look(Optional.ofNullable(order.get()), Optional.empty(), closing);
        if (looked.isEmpty()) {
            return Duration.ZERO;
        }
        UpstreamSnapshot snapshot = looked.get();
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

    private Duration stop(Stop stop) {
        standstill.begin(stop);
        return timing.look();
    }

    private Duration follow(Follow follow, UpstreamSnapshot snapshot) throws InterruptedException {
        note(follow);
        HostProbe probe = view.probe(follow.host()).orElseThrow();
        facts.learn(probe);
        FollowOutcome outcome = follower.follow(follow, probe, snapshot, new UpstreamFollower.Overseer() {
            @Override
            public void accepted() throws InterruptedException {
                carriedOut(snapshot.order().orElse(null));
                view.streaming(probe.report());
                standstill.over();
                hindrance.over();
                backoff.reset();
            }

            @Override
            public boolean urgent() {
                return order.get() != null || view.hasNews();
            }

            @Override
            public boolean keepOn(WalStream stream) throws InterruptedException {
                return UpstreamLink.this.keepOn(follow, stream);
            }
        });
        return switch (outcome) {
            case FollowOutcome.Again() -> Duration.ZERO;
            case FollowOutcome.Instead(var other) -> {
                view.instead(other);
                yield Duration.ZERO;
            }
            case FollowOutcome.Later(var reason) -> pause(WAITING, Optional.of(follow.host()), "%s: %s".formatted(follow.host(), reason));
            case FollowOutcome.Lost(var reason) -> pause("upstream-lost", Optional.of(follow.host()), "%s: %s".formatted(follow.host(), reason));
            case FollowOutcome.NoMemory(var reason) -> {
                // It begins each time: that it did is no reason to try again at once.
                var _ = pause("out-of-memory", Optional.of(follow.host()), "the relay has no memory for what upstream sends: " + reason);
                yield ROOM_LOOK;
            }
            case FollowOutcome.Decide(var stop) -> stop(stop);
            case FollowOutcome.Diverged(var stop) -> {
                view.diverged(probe.report(), stop);
                yield stop(stop);
            }
        };
    }

    /** Asked now and then while a stream runs: looks at all hosts, and says whether to go on with the stream. */
    private boolean keepOn(Follow current, WalStream stream) throws InterruptedException {
        if (closed) {
            return false;
        }
        // Before it is accepted it has proved nothing.
        Optional<HostReport.Reachable> streaming = stream.accepted().getNow(false)
                ? view.probe(current.host()).map(HostProbe::report).or(follower::following)
                : Optional.empty();
        Optional<UpstreamSnapshot> looked = view.look(Optional.ofNullable(order.get()), streaming, stream.end());
        if (looked.isEmpty()) {
            return true;
        }
        UpstreamSnapshot snapshot = looked.get();
        view.probe(current.host()).ifPresent(probe -> {
            follower.refresh(probe, stream);
            facts.learn(probe);
        });
        return switch (UpstreamChoice.decide(snapshot)) {
            case Follow next -> {
                note(next);
                boolean same = next.host().equals(current.host());
                if (same && stream.accepted().getNow(false)) {
                    carriedOut(snapshot.order().orElse(null));
                }
                unhindered(current, stream);
                yield same && next.orphan().isEmpty();
            }
            // Told to stop, or to wait for a host that was ordered or hinted at: what runs is no worse than nothing until that can be followed.
            case Stop stop -> {
                hindered(current, stream, stop.toString());
                yield snapshot.order().isPresent() || snapshot.hint().named().filter(host -> !host.equals(current.host())).isPresent();
            }
            case Wait wait -> {
                hindered(current, stream, reasons(wait));
                yield true;
            }
        };
    }

    /** It streams, and not as it was told to. */
    private void hindered(Follow current, WalStream stream, String why) {
        if (stream.accepted().getNow(false)) {
            status.become(State.STREAMING, Optional.of(current.host()), Optional.of(why));
        }
        hindrance.tell(WAITING, why);
    }

    private void unhindered(Follow current, WalStream stream) {
        Optional<String> problem = follower.problem();
        if (stream.accepted().getNow(false) && !relay.upstream().problem().equals(problem)) {
            status.become(State.STREAMING, Optional.of(current.host()), problem);
            hindrance.over();
        }
    }

    /** From now on the host that was ordered is the one in use. A newer order stays. */
    private void carriedOut(@Nullable FollowOrder said) throws InterruptedException {
        if (said != null && order.compareAndSet(said, null)) {
            view.ordered();
            Optional<WalCache> held = relay.cache();
            if (held.isPresent()) {
                lineages.acceptOrphans(held.get());
            }
        }
    }

    private void note(Follow follow) {
        follow.notes().stream().filter(noted::add).forEach(note -> relay.events().warning("upstream-note", note));
    }

    /** Reports what is flushed, ends the stream and waits for the threads, a few seconds at most. The cache stays open. */
    @Override
    public void close() {
        closed = true;
        closing.complete(true);
        running.stop();
        wakeup.call();
        try {
            // A relay that fails while it starts closes a link that never did.
            if (control.getState() != Thread.State.NEW && !control.join(CLOSE_LIMIT)) {
                control.interrupt();
                control.join(CLOSE_LIMIT);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        hint.ifPresent(HintQuery::close);
        forwarded.close();
        hosts.close();
        running.close();
        loops.close(CLOSE_LIMIT);
    }
}
