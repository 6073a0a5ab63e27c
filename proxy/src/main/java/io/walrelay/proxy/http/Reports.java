package io.walrelay.proxy.http;

import io.walrelay.cache.ArchiveKeeping;
import io.walrelay.cache.Archiver;
import io.walrelay.cache.CacheArchive;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.intake.FolderImport;
import io.walrelay.cache.intake.FolderImport.Outcome;
import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.shaping.Shaped;
import io.walrelay.cache.slot.Home;
import io.walrelay.proxy.state.ArchiveWork;
import io.walrelay.proxy.state.Event;
import io.walrelay.proxy.state.ProcessFacts;
import io.walrelay.proxy.state.Readiness;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.TimelineBranch;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Reads the relay's state into reports. Thread-safe; may touch the disk. */
final class Reports {

    private final RelayState relay;
    private final ProcessFacts process;
    private final SlotPaths slots;

    Reports(RelayState relay, ProcessFacts process, SlotPaths slots) {
        this.relay = relay;
        this.process = process;
        this.slots = slots;
    }

    StatusReport status() {
        return status(relay.events().recent());
    }

    Snapshot snapshot() {
        return new Snapshot(
                status(List.of()),
                relay.cache().map(cache -> cache.byManager().counts().stream().map(Snapshot.Manager::of).toList()).orElse(List.of()),
                tiers(),
                timelines(),
                relay.refused().newest(Snapshot.MOST_REFUSED).stream().map(Snapshot.Refused::of).toList());
    }

    List<TierReport> tiers() {
        return relay.cache().map(TierReport::of).orElse(List.of());
    }

    List<TimelineReport> timelines() {
        return relay.cache().map(cache -> TimelineBranch.of(cache).stream().map(TimelineReport::of).toList()).orElse(List.of());
    }

    private StatusReport status(List<Event> events) {
        Instant now = relay.clock().instant();
        Readiness readiness = Readiness.of(relay);
        return new StatusReport(
                process.version(),
                now,
                seconds(Duration.between(process.started(), now)),
                readiness.ready(),
                readiness.reasons(),
                new StatusReport.Advertised(process.advertised(), process.url().map(URI::toString)),
                upstream(),
                relay.cache().map(cache -> AcknowledgeReport.of(relay.acknowledging(), relay.reportable(cache))),
                relay.cache().map(Reports::wal),
                relay.cache().flatMap(WalCache::archive).flatMap(CacheArchive::archiving).map(archiver -> archive(archiver.status(), relay.archiveWork())),
                standbys(),
                slots.all(),
                SlotSyncReport.of(relay),
                FeedbackReport.of(relay.feedback().horizons()),
                relay.shaping().all().stream().map(shaped -> shape(relay, shaped)).toList(),
                peers(),
                events.stream().map(Reports::event).toList());
    }

    StatusReport.Upstream upstream() {
        UpstreamStatus status = relay.upstream();
        Optional<UpstreamFacts> facts = relay.facts();
        return new StatusReport.Upstream(
                lower(status.state()),
                status.host(),
                relay.upstreamRelay().map(it -> new StatusReport.Beyond(it.hosts(), it.complete())),
                status.since(),
                facts.map(f -> f.system().toString()),
                facts.map(f -> f.parameters().get("server_version")),
                position(status.received()),
                position(status.upstreamEnd()),
                position(status.acknowledged()),
                status.upstreamEnd().isValid() ? written().map(w -> behind(w, status.upstreamEnd())) : Optional.empty(),
                status.lastMessage(),
                status.problem());
    }

    private static StatusReport.Wal wal(WalCache cache) {
        EndOfWal end = cache.end();
        return new StatusReport.Wal(
                end.lineage().timeline().toLong(),
                end.lineage().id(),
                cache.segmentSize().bytes(),
                cache.oldest().toString(),
                end.written().toString(),
                end.lastRecord().toString(),
                end.flushed().toString(),
                end.acknowledgeable().toString(),
                cache.memoryBytes(),
                cache.diskBytes(),
                cache.horizon().map(Horizon::of),
                // What was before the relay began is not missing.
                cache.gaps().stream()
                        .filter(gap -> gap.from().isValid())
                        .map(gap -> new StatusReport.MissingWal(gap.from().toString(), gap.to().toString()))
                        .toList(),
                cache.orphans().stream()
                        .map(o -> new StatusReport.OrphanedWal(o.lineage().id(), o.fork().toString(), o.end().toString(), o.acknowledged()))
                        .toList(),
                HotStandby.of(cache.hotStandby().needs()));
    }

    private static StatusReport.Archive archive(Archiver.Status status, Optional<ArchiveWork> work) {
        Optional<ArchiveKeeping.Status> keeping = work.map(w -> w.keeping().status());
        return new StatusReport.Archive(
                status.from().toString(),
                status.archived().toString(),
                status.waiting(),
                status.problem(),
                keeping.flatMap(ArchiveKeeping.Status::keep).map(Reports::seconds),
                keeping.flatMap(ArchiveKeeping.Status::horizon).map(Horizon::of),
                keeping.map(ArchiveKeeping.Status::deleted).orElse(0L),
                keeping.flatMap(ArchiveKeeping.Status::problem),
                work.flatMap(ArchiveWork::folderImport).map(folder -> imports(folder.status())));
    }

    private static StatusReport.Import imports(FolderImport.Status status) {
        return new StatusReport.Import(
                status.folder(),
                status.ended(),
                status.files(),
                status.count(Outcome.IMPORTED),
                status.count(Outcome.ALREADY_THERE),
                status.count(Outcome.CONFLICT),
                status.count(Outcome.REFUSED),
                status.count(Outcome.UNREADABLE),
                status.problem());
    }

    private List<StatusReport.Peer> peers() {
        Map<String, Long> mirrored = relay.cache().map(cache -> Home.mirrorsByUrl(cache.slots().all())).orElse(Map.of());
        return relay.peers().stream()
                .map(p -> new StatusReport.Peer(
                        p.url(), lower(p.state()), p.since(), p.lastAnswer(), p.problem(), mirrored.getOrDefault(p.url(), 0L).intValue()))
                .toList();
    }

    List<StatusReport.Standby> standbys() {
        Optional<Lsn> written = written();
        return relay.standbys().all().stream().map(s -> standby(s, written)).toList();
    }

    private static StatusReport.Standby standby(StandbyStatus s, Optional<Lsn> written) {
        return new StatusReport.Standby(
                s.pid(),
                s.name(),
                s.user(),
                s.client(),
                s.relay(),
                s.slot(),
                s.state().toString(),
                s.since(),
                s.timeline().map(TimelineId::toLong),
                stage(s.sent(), written, s.sentLag()),
                stage(s.written(), written, s.writeLag()),
                stage(s.flushed(), written, s.flushLag()),
                stage(s.replayed(), written, s.replayLag()),
                s.lastReply(),
                seconds(s.addedDelay()),
                s.sentBytes(),
                s.held().map(hold -> new StatusReport.Held(hold.why().toString(), hold.until())));
    }

    static StatusReport.Shape shape(RelayState relay, Shaped shaped) {
        return new StatusReport.Shape(
                shaped.name(),
                shaped.delay().map(Reports::seconds),
                shaped.bytesPerSecond(),
                shaped.word().paused(),
                shaped.word().release().map(release -> release.to().toString()),
                shaped.word().paused() ? commitsWait(relay, shaped.name()) : Optional.empty());
    }

    /** A pause goes before the policy, but nobody should find that out from his commits. */
    private static Optional<String> commitsWait(RelayState relay, String name) {
        AcknowledgePolicy policy = relay.acknowledging().policy();
        boolean slotIsMember = relay.standbys().all().stream().anyMatch(s -> s.name().equals(name) && s.slot().filter(policy::names).isPresent());
        return policy.names(name) || slotIsMember
                ? Optional.of("commits may wait for it, a member of upstream.acknowledge, %s".formatted(policy))
                : Optional.empty();
    }

    private static StatusReport.Stage stage(Lsn reached, Optional<Lsn> written, Optional<Duration> lag) {
        return new StatusReport.Stage(
                position(reached),
                reached.isValid() ? written.map(w -> behind(reached, w)) : Optional.empty(),
                lag.map(Reports::seconds));
    }

    static StatusReport.RecentEvent event(Event event) {
        return new StatusReport.RecentEvent(event.at(), lower(event.severity()), event.kind(), event.text());
    }

    private Optional<Lsn> written() {
        return relay.cache().map(cache -> cache.end().written());
    }

    /** Never negative: one that is ahead, or past a fork, has nothing to wait for. */
    static long behind(Lsn reached, Lsn end) {
        return Math.max(end.minus(reached), 0);
    }

    static Optional<String> position(Lsn lsn) {
        return lsn.isValid() ? Optional.of(lsn.toString()) : Optional.empty();
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
