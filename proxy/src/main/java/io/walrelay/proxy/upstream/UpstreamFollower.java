package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.netty.channel.EventLoopGroup;
import io.walrelay.cache.CacheSettings;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.Gap;
import io.walrelay.cache.GroupFsync;
import io.walrelay.cache.Orphan;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.storage.Storage;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.config.UpstreamSettings.Start;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.upstream.UpstreamDecision.Follow;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows one host: slot, cache, then one stream for each timeline on the way, until the host is lost or another is to be followed.
 * Confined to the control thread, but for {@link #hold}, {@link #stop} and {@link #fail}; the cache's timeline is changed on the WAL
 * writer thread.
 */
final class UpstreamFollower implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(UpstreamFollower.class);

    private static final String ACKNOWLEDGED_ORPHANED = "acknowledged-orphaned";

    /** What it works with. */
    record Parts(
            RelayState relay,
            LinkStatus status,
            UpstreamDialer dialer,
            EventLoopGroup writerLoop,
            SlotKeeper slots,
            WalProbe wal,
            StartPosition start,
            Storage storage,
            CacheSettings cacheSettings,
            LinkTiming timing,
            Wakeup wakeup,
            Consumer<IOException> fatal) {}

    /** What to do after a host was followed. */
    sealed interface Outcome {
        /** Look at the hosts again at once. */
        record Again() implements Outcome {}

        /** Another host has the WAL that this one has removed. */
        record Instead(HostAddress host) implements Outcome {}

        /** It failed in a way that time may mend. */
        record Later(String reason) implements Outcome {}

        /** It streamed, and the connection is gone. */
        record Lost(String reason) implements Outcome {}

        /** Somebody has to decide. */
        record Decide(Stop stop) implements Outcome {}
    }

    /** Waits a while and says whether to go on with a stream. */
    interface KeepOn {
        boolean waitAndAsk(Follow follow, WalStream stream) throws InterruptedException;
    }

    /** Of what is held, asked for again when a stream begins. */
    private static final long COMPARED_BYTES = 64 << 10;

    private final Parts parts;
    private final Start start;
    private final String applicationName;
    private final AtomicReference<@Nullable WalStream> running = new AtomicReference<>();
    private @Nullable GroupFsync fsync;
    private volatile boolean held;
    private HostReport.@Nullable Reachable following;
    private boolean warnedOfApply;

    UpstreamFollower(Parts parts, Start start, String applicationName) {
        this.parts = parts;
        this.start = start;
        this.applicationName = applicationName;
    }

    /** What the host that is followed said when that began. */
    Optional<HostReport.Reachable> following() {
        return Optional.ofNullable(following);
    }

    /** Any thread. */
    void hold(boolean hold) {
        held = hold;
        WalStream stream = running.get();
        if (stream != null) {
            stream.hold(hold);
        }
    }

    /** Ends the stream that runs, if one does. Any thread. */
    void stop() {
        WalStream stream = running.get();
        if (stream != null) {
            stream.stop();
        }
    }

    /** Any thread. */
    void fail(IOException why) {
        parts.fatal.accept(why);
    }

    Outcome follow(Follow follow, HostProbe probe, UpstreamSnapshot snapshot, Runnable whenStreaming, KeepOn keepOn) throws InterruptedException {
        following = probe.report();
        try (UpstreamConnection connection = parts.dialer.connect(follow.host(), SessionKind.PHYSICAL_REPLICATION, parts.writerLoop)) {
            boolean slot = parts.slots.ensure(connection);
            Optional<WalCache> held = parts.relay.cache();
            WalCache cache = held.isPresent() ? held.get() : begin(connection, probe);
            goTo(cache, follow, connection, snapshot.order().isPresent());
            keepHistories(cache, connection);
            return stream(cache, follow, connection, probe, snapshot, slot, whenStreaming, keepOn);
        } catch (UpstreamException e) {
            return new Outcome.Later(e.reason());
        } catch (IOException e) {
            fail(e);
            return new Outcome.Later("the relay's disk failed: " + e.getMessage());
        }
    }

    private WalCache begin(UpstreamConnection connection, HostProbe probe) throws IOException, InterruptedException {
        HostReport.Reachable host = probe.report();
        Lsn at = parts.start.find(start, connection, probe);
        TimelineHistory lineage = host.history().upTo(host.history().timelineAt(at));
        WalCache cache = onWriter(() -> WalCache.create(parts.storage, parts.cacheSettings, host.system(), host.segmentSize(), lineage, at));
        parts.relay.open(cache);
        parts.relay.events().info("new-folder", "begins with WAL at %s on timeline %s of %s".formatted(at, lineage.timeline(), connection.host()));
        return cache;
    }

    /** Puts the cache on the part of the host's lineage where the stream will begin. */
    private void goTo(WalCache cache, Follow follow, UpstreamConnection connection, boolean ordered) throws IOException, InterruptedException {
        if (follow.from().isEmpty()) {
            return;
        }
        TimelineHistory target = follow.lineage().upTo(follow.startTimeline());
        TimelineHistory own = cache.end().lineage();
        if (follow.orphan().isPresent() || !own.id().equals(target.id())) {
            byte[] file = target.ancestors().isEmpty() ? new byte[0] : HostProbe.history(connection, target.timeline());
            changeTimeline(cache, target, file, ordered);
        }
    }

    private void changeTimeline(WalCache cache, TimelineHistory next, byte[] file, boolean ordered) throws IOException, InterruptedException {
        TimelineId before = cache.end().lineage().timeline();
        Optional<Orphan> orphan = onWriter(() -> {
            Optional<Orphan> left = cache.follow(next, file, cache.writer().lastRecordBefore(parts.status.acknowledged()));
            parts.status.acknowledged(Lsn.min(parts.status.acknowledged(), cache.end().acknowledgeable()));
            parts.relay.walAdvanced();
            return left;
        });
        parts.relay.events().info("timeline", "goes on with timeline %s after %s at %s".formatted(next.timeline(), before, cache.end().written()));
        orphan.ifPresent(o -> {
            String text = "WAL from %s to %s of timeline %s is an orphan: timeline %s forked before it"
                    .formatted(o.fork(), o.end(), o.lineage().timeline(), next.timeline());
            if (o.acknowledged()) {
                parts.relay.events().error(ACKNOWLEDGED_ORPHANED, text + "; upstream had been told that it was safe, so commits may be lost");
            } else {
                parts.relay.events().warning("fork", text);
            }
        });
        if (!ordered) {
            alarm(cache);
        }
    }

    /** Lost acknowledged WAL is never quiet: not ready, also after a restart, until an operator has said which side is right. */
    void alarm(WalCache cache) {
        cache.orphans().stream().filter(Orphan::alarming).reduce((_, newest) -> newest).ifPresent(o -> parts.relay.setNotReady(
                ACKNOWLEDGED_ORPHANED,
                "acknowledged WAL from %s to %s of timeline %s is an orphan, so commits may be lost; if that is accepted: walrelay follow with the host that is in use"
                        .formatted(o.fork(), o.end(), o.lineage().timeline())));
    }

    /** The operator ordered what is followed now. */
    void acceptOrphans(WalCache cache) {
        parts.writerLoop.next().execute(() -> {
            try {
                cache.acceptOrphans();
                parts.relay.clearNotReady(ACKNOWLEDGED_ORPHANED);
            } catch (IOException e) {
                fail(e);
            }
        });
    }

    /** Histories of the timelines on the way that are not held yet: standbys ask for all of them. */
    private static void keepHistories(WalCache cache, UpstreamConnection connection) throws IOException, InterruptedException {
        TimelineHistory lineage = cache.end().lineage();
        for (int i = 0; i <= lineage.ancestors().size(); i++) {
            TimelineId timeline = i < lineage.ancestors().size() ? lineage.ancestors().get(i).timeline() : lineage.timeline();
            boolean hasHistory = !lineage.upTo(timeline).ancestors().isEmpty();
            if (hasHistory && cache.history(timeline).isEmpty()) {
                try {
                    cache.storeHistory(timeline, HostProbe.history(connection, timeline));
                } catch (UpstreamException e) {
                    if (e.diagnostic().isEmpty()) {
                        throw e;
                    }
                    log.warn("{}: no history of timeline {}: {}", connection.host(), timeline, e.reason());
                }
            }
        }
    }

    /**
     * Where to ask from: a little before our end, so that the writer compares. A server that lost its tail and wrote other WAL over it
     * has the same timeline, and nothing but its bytes tells. Not before the segment that we need anyway, which it still has.
     */
    private static Lsn resumeAt(WalCache cache, EndOfWal end) {
        Lsn floor = Lsn.max(cache.segmentSize().startOf(end.written()), Lsn.max(end.lineage().begin(), cache.oldest()));
        long comparable = Math.min(end.written().minus(floor), COMPARED_BYTES);
        return end.written().plus(-Math.max(comparable, 0));
    }

    private Outcome stream(
            WalCache cache, Follow follow, UpstreamConnection connection, HostProbe probe, UpstreamSnapshot snapshot, boolean slot, Runnable whenStreaming, KeepOn keepOn)
            throws IOException, InterruptedException {
        Duration report = probe.senderTimeout()
                .map(t -> t.dividedBy(3))
                .filter(t -> t.compareTo(parts.timing.status()) < 0)
                .orElse(parts.timing.status());
        while (true) {
            WalStream stream = new WalStream(
                    new WalStream.Surroundings(parts.relay, parts.status, cache, fsync(cache), parts.timing, parts.fatal), connection.channel(), report);
            refresh(probe, stream);
            running.set(stream);
            stream.hold(held);
            EndOfWal from = cache.end();
            connection.begin(
                    new ReplicationCommand.StartPhysical(
                            slot ? Optional.of(parts.slots.name()) : Optional.empty(), resumeAt(cache, from), Optional.of(from.lineage().timeline())),
                    stream);
            if (UpstreamConnection.await(stream.begun(), parts.timing.answer(), "START_REPLICATION")) {
                parts.status.become(State.STREAMING, Optional.of(connection.host()), Optional.empty());
                whenStreaming.run();
            }
            WalStream.End end = watch(stream, follow, keepOn);
            running.set(null);
            switch (end) {
                case WalStream.End.NextTimeline(var timeline, var at) -> {
                    if (at.isBefore(cache.end().written())) {
                        // Some of ours is past the fork: whether to leave it is for the choice to say.
                        return new Outcome.Again();
                    }
                    byte[] file = HostProbe.history(connection, timeline);
                    changeTimeline(cache, HostProbe.parse(timeline, file), file, false);
                }
                case WalStream.End.Refused(var error) -> {
                    return refused(error, probe, snapshot, cache);
                }
                case WalStream.End.Lost(var reason) -> {
                    return new Outcome.Lost(reason);
                }
                case WalStream.End.Stopped() -> {
                    return new Outcome.Again();
                }
                case WalStream.End.Diverged(var reason) -> {
                    return new Outcome.Decide(new Stop(
                            "%s: %s".formatted(connection.host(), reason),
                            "upstream %s has other WAL than we do".formatted(connection.host()),
                            "walrelay serve --data NEW_DIRECTORY"));
                }
            }
        }
    }

    private WalStream.End watch(WalStream stream, Follow follow, KeepOn keepOn) throws InterruptedException {
        var _ = stream.end().thenRun(parts.wakeup::call);
        while (!stream.end().isDone()) {
            if (!keepOn.waitAndAsk(follow, stream)) {
                stream.stop();
            }
        }
        return stream.end().join();
    }

    private Outcome refused(Diagnostic error, HostProbe probe, UpstreamSnapshot snapshot, WalCache cache) throws IOException, InterruptedException {
        HostReport.Reachable host = probe.report();
        return switch (error.sqlState()) {
            case UpstreamException.UNDEFINED_FILE -> gap(error, host, snapshot, cache);
            case UpstreamException.OBJECT_IN_USE -> new Outcome.Later(
                    "%s; is it another relay with the same upstream.slot, or an old session that the server has not given up yet?".formatted(error));
            case UpstreamException.WRONG_STATE -> {
                try (UpstreamConnection fresh = parts.dialer.connect(host.host(), SessionKind.PHYSICAL_REPLICATION, parts.writerLoop)) {
                    yield parts.slots.renew(fresh, error.toString()) ? new Outcome.Again() : new Outcome.Later(error.toString());
                }
            }
            default -> new Outcome.Later(error.toString());
        };
    }

    private Outcome gap(Diagnostic error, HostReport.Reachable host, UpstreamSnapshot snapshot, WalCache cache) throws IOException, InterruptedException {
        Optional<WalGap.Way> way = new WalGap(parts.wal).find(host, snapshot.reports(), cache.end());
        if (way.isEmpty()) {
            return new Outcome.Later(error.toString());
        }
        return switch (way.get()) {
            case WalGap.Way.Elsewhere(var other) -> {
                parts.relay.events().warning("upstream-note", "%s: %s; it is taken from %s instead".formatted(host.host(), error.message(), other));
                yield new Outcome.Instead(other);
            }
            case WalGap.Way.Skip(var at) -> {
                Gap gap = onWriter(() -> {
                    Gap skipped = cache.skipTo(at);
                    parts.status.acknowledged(cache.end().acknowledgeable());
                    parts.relay.walAdvanced();
                    return skipped;
                });
                parts.relay.events().error(
                        "wal-gap",
                        "WAL from %s to %s is lost to the relay: no upstream has it any more (%s)".formatted(gap.from(), gap.to(), error.message()));
                yield new Outcome.Again();
            }
            case WalGap.Way.Decide(var stop) -> new Outcome.Decide(stop);
        };
    }

    /** Takes over what a new look at the host that is followed has shown. */
    void refresh(HostProbe probe, WalStream stream) {
        stream.synchronous(probe.waitsFor(applicationName));
        boolean waitsForApply = probe.waitsFor(applicationName) && "remote_apply".equals(probe.settings().get("synchronous_commit"));
        if (waitsForApply && !warnedOfApply) {
            parts.relay.events().warning(
                    "remote-apply",
                    "%s has synchronous_commit = remote_apply and waits for \"%s\": a relay applies nothing, so commits may wait for ever"
                            .formatted(probe.report().host(), applicationName));
        }
        warnedOfApply = waitsForApply;
    }

    /** On a host that is not in use: keeps the slot there and moves it on. */
    void visit(UpstreamConnection connection, HostProbe probe) throws UpstreamException, InterruptedException {
        HostReport.Reachable current = following;
        Optional<WalCache> cache = parts.relay.cache();
        boolean other = current != null && !connection.host().equals(current.host()) && probe.report().system().equals(current.system());
        if (other && cache.isPresent() && parts.slots.ensure(connection)) {
            parts.slots.advance(connection, probe, cache.get().end().lineage(), parts.status.acknowledged());
        }
    }

    private GroupFsync fsync(WalCache cache) {
        GroupFsync existing = fsync;
        if (existing == null) {
            existing = cache.groupFsync(
                    () -> {
                        WalStream stream = running.get();
                        if (stream != null) {
                            stream.flushed();
                        }
                    },
                    parts.fatal);
            existing.start();
            fsync = existing;
        }
        return existing;
    }

    private <T> T onWriter(Callable<T> work) throws IOException, InterruptedException {
        CompletableFuture<T> done = new CompletableFuture<>();
        parts.writerLoop.next().execute(() -> {
            try {
                done.complete(work.call());
            } catch (Exception e) {
                done.completeExceptionally(e);
            }
        });
        try {
            return done.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof IOException failed) {
                throw failed;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        GroupFsync flusher = fsync;
        if (flusher != null) {
            flusher.close();
        }
    }
}
