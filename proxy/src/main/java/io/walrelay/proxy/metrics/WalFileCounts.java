package io.walrelay.proxy.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.walrelay.cache.WalFile.Tier;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** What was asked for by name over HTTP, counted. Thread-safe. */
public final class WalFileCounts implements MultiCollector {

    /** How a request ended. */
    public enum Outcome {
        FOUND,
        /** Provably not there. */
        ABSENT,
        /** The relay has not come to it yet. */
        NOT_YET,
        NOT_ON_LINEAGE,
        COULD_NOT_LOOK,
        BAD_REQUEST
    }

    /** How a push ended. */
    public enum Pushed {
        HELD,
        STORED,
        CONFLICT,
        LATER,
        REFUSED
    }

    private record Asked(Outcome outcome, Optional<Tier> tier) {}

    private final Map<Asked, LongAdder> asked = new ConcurrentHashMap<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final Map<Tier, LongAdder> sent = new EnumMap<>(Tier.class);

    private final Map<Pushed, LongAdder> pushed = new EnumMap<>(Pushed.class);
    private final LongAdder received = new LongAdder();

    WalFileCounts() {
        // There from the start: a counter that begins at 1 has not increased, for Prometheus.
        asked.put(new Asked(Outcome.COULD_NOT_LOOK, Optional.empty()), new LongAdder());
        for (Pushed outcome : Pushed.values()) {
            pushed.put(outcome, new LongAdder());
        }
        for (Tier tier : Tier.values()) {
            sent.put(tier, new LongAdder());
        }
    }

    /** @param tier where it was found */
    public void asked(Outcome outcome, Optional<Tier> tier) {
        asked.computeIfAbsent(new Asked(outcome, tier), _ -> new LongAdder()).increment();
    }

    public void sent(Tier tier, long bytes) {
        sent.getOrDefault(tier, new LongAdder()).add(bytes);
    }

    public void pushed(Pushed outcome) {
        pushed.getOrDefault(outcome, new LongAdder()).increment();
    }

    public void received(long bytes) {
        received.add(bytes);
    }

    /** A request begins to wait for a segment that is still to come, or ends to. */
    public void waiting(int more) {
        waiting.addAndGet(more);
    }

    @Override
    public MetricSnapshots collect() {
        Families families = new Families();
        Families.Counter requests = families.counter("wal_file_requests", "Requests for WAL files over HTTP, by how they ended and where the file was found");
        asked.forEach((key, count) -> requests.at(count.sum(), "outcome", lower(key.outcome()), "tier", key.tier().map(WalFileCounts::lower).orElse("none")));
        requests.done();
        Families.Counter bytes = families.counter("wal_file_sent_bytes", "Bytes of WAL files sent over HTTP, by where they were found");
        sent.forEach((tier, count) -> bytes.at(count.sum(), "tier", lower(tier)));
        bytes.done();
        Families.Counter pushes = families.counter("wal_file_pushes", "WAL files pushed over HTTP, by what became of them");
        pushed.forEach((outcome, count) -> pushes.at(count.sum(), "outcome", lower(outcome)));
        pushes.done();
        families.counter("wal_file_received_bytes", "Bytes of WAL files pushed over HTTP", received.sum());
        families.gauge("wal_file_waiting", "Requests that wait for a segment to become whole", waiting.get());
        return families.build();
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
