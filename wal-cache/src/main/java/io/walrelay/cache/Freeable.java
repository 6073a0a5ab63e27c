package io.walrelay.cache;

import io.walrelay.cache.retention.Retention;
import io.walrelay.cache.retention.Retention.Archival;
import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.cache.slot.Slot;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** What could be freed, and who needs it: what {@link Retention} decides about. */
record Freeable(WalCache cache, CacheSettings settings) {

    Retention.Snapshot snapshot(Instant now) throws IOException {
        EndOfWal end = cache.end();
        CacheState state = cache.state();
        SegmentFiles files = cache.files();
        Lsn inUse = neededToRecover(end);
        Optional<Archiver> archiver = cache.archive().flatMap(CacheArchive::reliable);
        Archival otherwise = cache.archived().isPresent() ? Archival.UNKNOWN : Archival.NONE;
        List<Retention.Segment> segments = new ArrayList<>();
        for (SegmentFiles.Held held : files.all()) {
            if (held.id().end(cache.segmentSize()).isAtMost(inUse)) {
                segments.add(freeable(Retention.OWN, held, archiver.map(it -> it.ofOwn(held, end.lineage())).orElse(otherwise), files.lastModified(held).orElse(now)));
            }
        }
        Set<String> evidence = state.orphans().stream()
                .filter(Orphan::alarming)
                .map(o -> SegmentFiles.orphanDirectory(o.lineage()))
                .collect(Collectors.toSet());
        for (SegmentFiles.Orphaned orphan : files.orphaned()) {
            Retention.Side side = new Retention.Side.Orphan(orphan.directory(), evidence.contains(orphan.directory()));
            segments.add(freeable(side, orphan.held(), archiver.map(it -> it.ofOrphan(orphan, state.orphans())).orElse(otherwise), files.lastModified(orphan).orElse(now)));
        }
        segments.sort(Comparator.comparing(Retention.Segment::completed).thenComparing(Retention.Segment::start));
        List<Retention.Holder.Slot> holders = cache.slots().all().stream()
                .filter(Slot::needsWal)
                .map(s -> new Retention.Holder.Slot(s.name(), s.reservedFrom(), settings.slots().maxRetained(s.name()), s.timedOut()))
                .toList();
        List<Retention.Holder.FailoverSlot> failoverSlots = cache.failoverSlots().all().stream()
                .filter(FailoverSlot::holds)
                .map(s -> new Retention.Holder.FailoverSlot(s.name(), s.restartLsn(), settings.slots().overall()))
                .toList();
        long reserve = 3L * cache.segmentSize().bytes();
        Retention.Limits limits = new Retention.Limits(
                settings.keep(), settings.disk(), cache.diskBytes(), cache.storage().freeBytes(), reserve, settings.holdUpstream());
        return new Retention.Snapshot(segments, end.written(), holders, failoverSlots, limits, now);
    }

    private Retention.Segment freeable(Retention.Side side, SegmentFiles.Held held, Archival archival, Instant completed) {
        SegmentId id = held.id();
        return new Retention.Segment(side, id, id.start(cache.segmentSize()), id.end(cache.segmentSize()), completed, archival);
    }

    /**
     * Where the next start begins to read to find the end of WAL again. It trusts what the state calls settled and whole segments, so the
     * newest of those stays; settled may be long gone. Records that go on in the present segment are proved from where they begin.
     */
    private Lsn neededToRecover(EndOfWal end) {
        Lsn provable = cache.segmentSize().startOf(Lsn.min(end.acknowledgeable(), cache.writer().provableFrom()));
        return cache.files().newestWhole(end.lineage().timeline()).map(id -> Lsn.min(provable, id.start(cache.segmentSize()))).orElse(provable);
    }
}
