package io.walrelay.cache;

import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.util.Optional;

/**
 * The {@link CacheState} that is in force, and how another comes to be: with another timeline, a gap, orphans that are accepted. Each is durable
 * before it is in force.
 *
 * <p>Reading is thread-safe. Changes belong to the WAL writer thread; a change that fails after its commit point breaks the writer down.
 */
final class StateInForce {

    private final SegmentFiles files;
    private final DurableFiles durable;
    private final TimelineSwitch timelineSwitch;
    private volatile CacheState state;
    /** Set before any file of a fork changes its place, taken away after the new lineage was published. */
    private volatile boolean changingTimeline;

    StateInForce(SegmentFiles files, DurableFiles durable, CacheState state) {
        this.files = files;
        this.durable = durable;
        this.timelineSwitch = new TimelineSwitch(files, durable);
        this.state = state;
    }

    CacheState now() {
        return state;
    }

    boolean isChangingTimeline() {
        return changingTimeline;
    }

    /** Ends what a crash left between the two saves of {@link TimelineSwitch}. */
    void completeChange() throws IOException {
        if (state.change() == CacheState.Change.COMPLETE) {
            timelineSwitch.discard();
            return;
        }
        timelineSwitch.place(state);
        CacheState complete = state.inPlace();
        complete.save(durable);
        state = complete;
    }

    /** Called while flushing; the timeline changes only when all is flushed, so that nobody else changes the state meanwhile. */
    void settle(Lsn upTo) throws IOException {
        CacheState settled = state.withSettled(upTo);
        settled.save(durable);
        state = settled;
    }

    /** As {@link WalCache#follow}. */
    Optional<Orphan> follow(WalWriter writer, TimelineHistory next, byte[] historyContent, Lsn acknowledged) throws IOException {
        EndOfWal end = flushed(writer);
        TimelineHistory old = end.lineage();
        Optional<Lsn> parting = old.forkWith(next);
        if (parting.isEmpty()) {
            return Optional.empty();
        }
        Lsn fork = parting.get();
        if (!fork.isValid()) {
            throw new IllegalArgumentException(
                    "timeline %s shares nothing with the relay's timeline %s".formatted(next.timeline(), old.timeline()));
        }
        // Where no record ends nothing can go on: the bytes of an unfinished one come again.
        Lsn shared = fork.isAtMost(end.written()) ? fork : end.acknowledgeable();
        if (next.begin().isAfter(shared)) {
            throw new IllegalArgumentException(
                    "timeline %s begins at %s, but the relay's WAL ends at %s".formatted(next.timeline(), next.begin(), shared));
        }
        Optional<Orphan> orphan = end.written().isAfter(fork)
                ? Optional.of(new Orphan(old, fork, end.written(), acknowledged.isAfter(fork), false))
                : Optional.empty();
        // Without the segment that holds the fork, the new timeline's first comes whole from upstream, shared part included.
        boolean held = files.locate(old, shared.plus(-1)).isPresent() && shared.isAfter(state.floor());
        Lsn goOn = held ? shared : files.size().startOf(shared);
        timelineSwitch.prepare(old, goOn, historyContent);
        commit(writer, state.following(next, goOn, orphan));
        changingTimeline = true;
        try {
            completeChange();
            writer.startTimeline(next, goOn);
        } catch (IOException | RuntimeException e) {
            // The files are somewhere between two places, which only a start puts right. Until then readers are told to wait.
            writer.breakDown(e);
            throw e;
        }
        changingTimeline = false;
        return orphan;
    }

    /** As {@link WalCache#skipTo}. */
    Gap skipTo(WalWriter writer, Lsn segmentStart) throws IOException {
        SegmentSize size = files.size();
        EndOfWal end = flushed(writer);
        if (size.offset(segmentStart) != 0 || !segmentStart.isAfter(end.written())) {
            throw new IllegalArgumentException(
                    "can't go on at %s; expected the beginning of a segment after %s".formatted(segmentStart, end.written()));
        }
        Gap gap = new Gap(end.written(), segmentStart);
        commit(writer, state.withGap(gap));
        writer.skipTo(segmentStart);
        return gap;
    }

    /** As {@link WalCache#acceptOrphans}. */
    void acceptOrphans(WalWriter writer) throws IOException {
        if (state.orphans().stream().anyMatch(Orphan::alarming)) {
            var _ = flushed(writer);
            commit(writer, state.withOrphansAccepted());
        }
    }

    /** While all is flushed, flushing does not change the state. */
    private static EndOfWal flushed(WalWriter writer) throws IOException {
        writer.publish();
        return writer.flush();
    }

    /**
     * Puts {@code next} in force, durably.
     *
     * @throws DiskFullException when there was no room, so that it is not in force; after any other failure that is not known, and
     *     nothing is written any more
     */
    private void commit(WalWriter writer, CacheState next) throws IOException {
        try {
            state = next.commit(durable, state);
        } catch (DiskFullException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            writer.breakDown(e);
            throw e;
        }
    }
}
