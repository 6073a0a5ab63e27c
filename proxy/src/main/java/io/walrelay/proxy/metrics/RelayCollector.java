package io.walrelay.proxy.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.walrelay.cache.CacheArchive;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.Orphan;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.state.DelayCounts;
import io.walrelay.proxy.state.ProcessFacts;
import io.walrelay.proxy.state.Readiness;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The relay's state as metrics, read anew for each scrape. Thread-safe. */
final class RelayCollector implements MultiCollector {

    private final RelayState relay;
    private final ProcessFacts process;
    private final DelayCounts pacing;

    RelayCollector(RelayState relay, ProcessFacts process, DelayCounts pacing) {
        this.relay = relay;
        this.process = process;
        this.pacing = pacing;
    }

    @Override
    public MetricSnapshots collect() {
        Families families = new Families();
        families.add(InfoSnapshot.builder()
                .name("walrelay_build")
                .help("Version of the relay and of its Java")
                .dataPoint(InfoSnapshot.InfoDataPointSnapshot.builder()
                        .labels(Labels.of("version", process.version(), "java", Runtime.version().toString()))
                        .build())
                .build());
        readiness(families, Readiness.of(relay));
        positions(families);
        upstream(families);
        relay.cache().ifPresent(cache -> holdings(families, cache));
        relay.cache().ifPresent(cache -> HotStandbySeries.add(families, cache.hotStandby().needs()));
        relay.cache().flatMap(WalCache::archive).flatMap(CacheArchive::archiving).ifPresent(archiver -> ArchiveSeries.add(families, archiver.status()));
        relay.archiveWork().ifPresent(work -> ArchiveSeries.add(families, work));
        relay.cache().flatMap(WalCache::archive).map(CacheArchive::fetched).ifPresent(fetched -> ArchiveSeries.add(families, fetched));
        List<StandbyStatus> standbys = relay.standbys().all();
        Optional<Lsn> written = relay.cache().map(cache -> cache.end().written());
        StandbySeries.add(families, standbys, written);
        relay.cache().ifPresent(cache -> AcknowledgeSeries.add(families, relay.acknowledging(), relay.reportable(cache)));
        unacknowledged(families);
        RefusalSeries.add(families, relay.refused(), relay.clock().instant());
        ShapingSeries.add(families, relay.shaping().all());
        ShapingSeries.addHeld(families, standbys);
        relay.cache().ifPresent(cache -> SlotSeries.add(families, cache.reservations().statuses(), relay.clock().instant()));
        SlotSyncSeries.add(families, relay.slotSync(), relay.cache(), relay.clock().instant());
        relay.cache().ifPresent(cache -> SlotSyncSeries.add(families, cache));
        FeedbackSeries.add(families, relay.feedback().horizons());
        PeerSeries.add(families, relay);
        families.counter("wal_received_bytes", "WAL received from upstream since the start", relay.receivedBytes());
        families.counter("wal_sent_bytes", "WAL sent to standbys since the start", relay.standbys().sentBytes());
        sessions(families);
        families.add(pacingDelay());
        EventSeries.add(families, relay.events());
        return families.build();
    }

    private static void readiness(Families families, Readiness readiness) {
        families.gauge("ready", "Whether the relay is ready to serve standbys", readiness.ready() ? 1 : 0);
        Families.Gauge reasons = families.gauge("not_ready", "Why the relay is not ready, by kind; none when it is");
        readiness.reasons().keySet().forEach(reason -> reasons.at(1, "reason", reason));
        reasons.done();
    }

    private void positions(Families families) {
        UpstreamStatus upstream = relay.upstream();
        Families.Gauge positions = families.gauge("wal_position_bytes", "WAL positions of the relay (LSN as a number of bytes)");
        stage(positions, "received", upstream.received());
        relay.cache().ifPresent(cache -> {
            EndOfWal end = cache.end();
            stage(positions, "written", end.written());
            stage(positions, "flushed", end.flushed());
            stage(positions, "acknowledgeable", end.acknowledgeable());
            stage(positions, "oldest", cache.oldest());
            cache.archive().flatMap(CacheArchive::archiving).ifPresent(archiver -> stage(positions, "archived", archiver.status().archived()));
        });
        stage(positions, "acknowledged", upstream.acknowledged());
        positions.done();
    }

    private static void stage(Families.Gauge positions, String stage, Lsn lsn) {
        if (lsn.isValid()) {
            positions.at(bytes(lsn), "stage", stage);
        }
    }

    private void upstream(Families families) {
        UpstreamStatus upstream = relay.upstream();
        Families.Gauge states = families.gauge("upstream_state", "State of the link to upstream: 1 for the state it is in");
        for (UpstreamStatus.State state : UpstreamStatus.State.values()) {
            states.at(state == upstream.state() ? 1 : 0, "state", state.name().toLowerCase(Locale.ROOT));
        }
        states.done();
        families.gauge("upstream_connected", "Whether WAL is streamed from upstream", upstream.state() == UpstreamStatus.State.STREAMING ? 1 : 0);
        if (upstream.upstreamEnd().isValid()) {
            families.gauge("upstream_position_bytes", "End of WAL as upstream said last (LSN as a number of bytes)", bytes(upstream.upstreamEnd()));
            relay.cache().ifPresent(cache -> families.gauge(
                    "upstream_lag_bytes",
                    "WAL that upstream has and the relay has not written",
                    behind(cache.end().written(), upstream.upstreamEnd())));
        }
        upstream.lastMessage().ifPresent(at -> families.gauge(
                "upstream_last_message_age_seconds",
                "Time since upstream was last heard of",
                seconds(Duration.between(at, relay.clock().instant()))));
    }

    /** With the policy's standbys or without: what commits wait for that wait for this relay. */
    private void unacknowledged(Families families) {
        families.gauge("upstream_waits", "Whether commits upstream may wait for the relay, which is one of its synchronous standbys", relay.upstreamWaits() ? 1 : 0);
        Lsn acknowledged = relay.upstream().acknowledged();
        if (acknowledged.isValid()) {
            families.gauge(
                    "unacknowledged_age_seconds",
                    "Age of the oldest WAL that upstream was not told is safe; up to ten seconds are usual where no commit waits for the relay",
                    seconds(relay.writtenTimes().ageOfWalPast(acknowledged, System.nanoTime())));
        }
    }

    private void sessions(Families families) {
        families.gauge("sessions_admitted", "Sessions that are let in, those that still log in included: standbys', and all others (forwarded ones, the console's)")
                .at(relay.admitted().standbys(), "kind", "standby")
                .at(relay.admitted().others(), "kind", "other")
                .done();
        families.gauge("forwarded_sessions", "Sessions that clients have upstream through the relay", relay.forwarded().sessions());
        families.counter("forwarded_bytes", "Bytes that passed in such sessions since the start")
                .at(relay.forwarded().toUpstreamBytes(), "to", "upstream")
                .at(relay.forwarded().fromUpstreamBytes(), "to", "client")
                .done();
    }

    private static void holdings(Families families, WalCache cache) {
        families.gauge("cache_memory_bytes", "WAL held in memory", cache.memoryBytes());
        families.gauge("cache_disk_bytes", "Local disk that segment files occupy", cache.diskBytes());
        // What was before the relay began is no gap.
        families.gauge("gaps", "Gaps in the WAL that is held", cache.gaps().stream().filter(gap -> gap.from().isValid()).count());
        families.gauge("orphans", "Forks past which WAL is kept that lost", cache.orphans().size());
        families.gauge(
                "acknowledged_orphaned",
                "Whether WAL that was acknowledged upstream ended up past a fork: commits may be lost",
                cache.orphans().stream().anyMatch(Orphan::alarming) ? 1 : 0);
        families.gauge("timeline", "Timeline that the relay is on", cache.end().lineage().timeline().toLong());
    }

    private HistogramSnapshot pacingDelay() {
        int buckets = pacing.buckets();
        double[] bounds = new double[buckets];
        long[] counts = new long[buckets];
        for (int i = 0; i < buckets; i++) {
            bounds[i] = i == buckets - 1 ? Double.POSITIVE_INFINITY : seconds(pacing.upperBound(i));
            counts[i] = pacing.count(i);
        }
        HistogramSnapshot.HistogramDataPointSnapshot.Builder point = HistogramSnapshot.HistogramDataPointSnapshot.builder();
        point.classicHistogramBuckets(ClassicHistogramBuckets.of(bounds, counts));
        point.sum(seconds(pacing.sum()));
        return HistogramSnapshot.builder()
                .name("walrelay_pacing_delay_seconds")
                .help("Time that WAL waited in the relay because of standbys.max-write-rate")
                .dataPoint(point.build())
                .build();
    }

    /** Never negative: one that is ahead has nothing to wait for. */
    static double behind(Lsn reached, Lsn end) {
        return (double) Math.max(end.minus(reached), 0);
    }

    /** Exact up to 2^53, which is 8 PB of WAL. */
    static double bytes(Lsn lsn) {
        return (lsn.value() >>> 1) * 2.0 + (lsn.value() & 1);
    }

    static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }
}
