package io.walrelay.proxy.upstream;

import io.walrelay.cache.DiskFullException;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.UpstreamStatus.State;
import io.walrelay.proxy.upstream.UpstreamDecision.Follow;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows one host: slot, cache, then one stream for each timeline on the way, until the host is lost or another is to be followed.
 * Confined to the control thread, but for {@link #following} and {@link #visit}.
 */
final class UpstreamFollower {

    private static final Logger log = LoggerFactory.getLogger(UpstreamFollower.class);

    /** The link's part in a stream that runs. */
    interface Overseer {
        /** Upstream streams what we can go on with. */
        void accepted() throws InterruptedException;

        /** Whether somebody waits for {@link #keepOn} to be asked. */
        boolean urgent();

        /** Looks at all hosts, and says whether to go on with the stream. */
        boolean keepOn(WalStream stream) throws InterruptedException;
    }

    private final RelayState relay;
    private final LinkStatus status;
    private final UpstreamDialer dialer;
    private final SlotKeeper slots;
    private final LinkTiming timing;
    private final Wakeup wakeup;
    private final WalWriterThread writer;
    private final NewFolder newFolder;
    private final LineageSwitch lineages;
    private final StreamRefusal refusals;
    private final CommitWaits waits;
    private final PinnedWal pinned;
    private final Room room;
    private final RunningStream running;
    private final Consumer<IOException> fatal;

    /** What the host that is followed said when that began, and whether it streams without a slot. */
    private record Following(HostReport.Reachable host, boolean slot) {}

    private volatile @Nullable Following following;

    UpstreamFollower(
            RelayState relay,
            LinkStatus status,
            UpstreamDialer dialer,
            SlotKeeper slots,
            LinkTiming timing,
            Wakeup wakeup,
            WalWriterThread writer,
            NewFolder newFolder,
            LineageSwitch lineages,
            StreamRefusal refusals,
            CommitWaits waits,
            PinnedWal pinned,
            Room room,
            RunningStream running,
            Consumer<IOException> fatal) {
        this.relay = relay;
        this.status = status;
        this.dialer = dialer;
        this.slots = slots;
        this.timing = timing;
        this.wakeup = wakeup;
        this.writer = writer;
        this.newFolder = newFolder;
        this.lineages = lineages;
        this.refusals = refusals;
        this.waits = waits;
        this.pinned = pinned;
        this.room = room;
        this.running = running;
        this.fatal = fatal;
    }

    /** What the host that is followed said when that began. Any thread. */
    Optional<HostReport.Reachable> following() {
        return Optional.ofNullable(following).map(Following::host);
    }

    FollowOutcome follow(Follow follow, HostProbe probe, UpstreamSnapshot snapshot, Overseer overseer) throws InterruptedException {
        try (UpstreamConnection connection = dialer.connect(follow.host(), SessionKind.PHYSICAL_REPLICATION, writer.group())) {
            SystemId system = connection.identify();
            if (!system.equals(probe.report().system())) {
                return new FollowOutcome.Later("it has system identifier %s; a moment ago it had %s".formatted(system, probe.report().system()));
            }
            following = new Following(probe.report(), slots.ensure(connection));
            Optional<WalCache> held = relay.cache();
            WalCache cache = held.isPresent() ? held.get() : newFolder.begin(connection, probe, writer, relay);
            probe.primaryParameters().ifPresent(cache.hotStandby()::told);
            lineages.goTo(cache, follow, connection, snapshot.order().isPresent());
            lineages.keepHistories(cache, connection);
            return stream(cache, connection, probe, snapshot, overseer);
        } catch (UpstreamException e) {
            return new FollowOutcome.Later(e.reason());
        } catch (DiskFullException e) {
            room.ranOut(String.valueOf(e.getMessage()));
            return new FollowOutcome.Later(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            fatal.accept(e);
            return new FollowOutcome.Later("the relay's disk failed: " + e.getMessage());
        } catch (RuntimeException e) {
            log.error("{} could not be followed", follow.host(), e);
            return new FollowOutcome.Later("it could not be followed: " + e);
        } finally {
            running.ended();
            pinned.ended();
            following = null;
        }
    }

    private FollowOutcome stream(WalCache cache, UpstreamConnection connection, HostProbe probe, UpstreamSnapshot snapshot, Overseer overseer)
            throws IOException, InterruptedException {
        StreamContext context = new StreamContext(relay, status, cache, running.fsync(cache), timing, room, fatal);
        Duration report = waits.reportEvery(probe);
        boolean earlier = true;
        while (true) {
            EndOfWal from = cache.end();
            ResumePoint point = ResumePoint.of(from, cache.segmentSize(), cache.oldest());
            Lsn ask = earlier ? point.earlier() : point.safe();
            boolean bySlot = hasSlot() && slots.streamed();
            WalStream stream =
                    new WalStream(context, connection.channel(), ask, report, bySlot ? slots.position(connection.host()) : Lsn.INVALID);
            refresh(probe, stream);
            running.started(stream);
            connection.begin(
                    new ReplicationCommand.StartPhysical(
                            Optional.of(slots.name()).filter(_ -> bySlot), ask, Optional.of(from.lineage().timeline())),
                    stream);
            StreamEnd end = watch(stream, connection, overseer);
            switch (end) {
                case StreamEnd.NextTimeline(var timeline, var at) -> {
                    if (at.isBefore(cache.end().written())) {
                        // Some of ours is past the fork: whether to leave it is for the choice to say.
                        return new FollowOutcome.Again();
                    }
                    lineages.goOn(cache, connection, timeline);
                    earlier = true;
                }
                case StreamEnd.Refused(var error) -> {
                    boolean again = earlier && !ask.equals(point.safe()) && error.sqlState().equals(UpstreamException.UNDEFINED_FILE);
                    if (!again) {
                        return refusals.answer(error, probe, snapshot, cache);
                    }
                    earlier = false;
                }
                case StreamEnd.Lost(var reason) -> {
                    return new FollowOutcome.Lost(reason);
                }
                case StreamEnd.NoMemory(var reason) -> {
                    return new FollowOutcome.NoMemory(reason);
                }
                case StreamEnd.Stopped() -> {
                    return new FollowOutcome.Again();
                }
                case StreamEnd.GivenBack() -> {
                    relay.events().warning("upstream-given-back", "%s: nothing was read for %d s, so the session is ended; the slot keeps the WAL"
                            .formatted(connection.host(), timing.receiver().toSeconds()));
                    return new FollowOutcome.Again();
                }
                case StreamEnd.Diverged(var reason) -> {
                    return new FollowOutcome.Diverged(new Stop(
                            "%s: %s".formatted(connection.host(), reason),
                            "upstream %s has other WAL than we do".formatted(connection.host()),
                            "walrelay serve --data NEW_DIRECTORY"));
                }
            }
        }
    }

    private boolean hasSlot() {
        Following now = following;
        return now != null && now.slot();
    }

    private StreamEnd watch(WalStream stream, UpstreamConnection connection, Overseer overseer) throws InterruptedException {
        var _ = stream.accepted().thenRun(wakeup::call);
        var _ = stream.end().thenRun(wakeup::call);
        boolean announced = false;
        long nextLook = System.nanoTime() + timing.look().toNanos();
        while (!stream.end().isDone()) {
            wakeup.await(Duration.ofNanos(Math.max(nextLook - System.nanoTime(), 0)));
            if (!announced && stream.accepted().getNow(false)) {
                announced = true;
                status.become(State.STREAMING, Optional.of(connection.host()), problem());
                overseer.accepted();
            }
            boolean due = System.nanoTime() - nextLook >= 0 || overseer.urgent();
            if (due && !stream.end().isDone()) {
                if (!overseer.keepOn(stream)) {
                    stream.stop();
                }
                nextLook = System.nanoTime() + timing.look().toNanos();
            }
        }
        return stream.end().join();
    }

    /** What is wrong with a stream that runs. */
    Optional<String> problem() {
        if (!hasSlot()) {
            return Optional.of("streams without a slot, so upstream may remove WAL that the relay still needs");
        }
        return following().flatMap(host -> slots.problem(host.host())).or(waits::problem).or(pinned::problem);
    }

    /** Takes over what a new look at the host that is followed has shown. */
    void refresh(HostProbe probe, WalStream stream) {
        waits.refresh(probe, stream);
        if (hasSlot() && slots.streamed()) {
            Lsn slot = slots.position(probe.report().host());
            relay.cache().ifPresent(cache -> pinned.look(relay.acknowledging().look(relay.reportable(cache)), slot, cache.segmentSize()));
        }
    }

    /** On a host that was looked at while another streams, or this one does without its slot: sees to the slot there. Any thread. */
    void visit(UpstreamConnection connection, HostProbe probe) throws UpstreamException, InterruptedException {
        Following now = following;
        Optional<WalCache> cache = relay.cache();
        if (now == null || cache.isEmpty() || !probe.report().system().equals(now.host().system())) {
            return;
        }
        EndOfWal own = relay.reportable(cache.get());
        if (!connection.host().equals(now.host().host())) {
            slots.visit(connection, probe, slots.streamed() ? relay.acknowledging().acknowledged(own) : own);
        } else if (now.slot() && !slots.streamed()) {
            slots.visit(connection, probe, own);
        } else if (!now.slot() && slots.ensure(connection)) {
            // Begun anew it uses the slot, or knows that it is there.
            running.stop();
        }
    }
}
