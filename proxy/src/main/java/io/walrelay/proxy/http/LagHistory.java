package io.walrelay.proxy.http;

import io.walrelay.cache.WalByManager;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.index.Changes.ManagerStatistics;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The last half hour: how far the relay had come, whose WAL that was, and how far standbys were behind, so that a page that is opened now shows how it came to this.
 * For more there is Prometheus. In memory, at most some megabytes. Thread-safe.
 */
final class LagHistory {

    static final Duration STEP = Duration.ofSeconds(5);
    private static final int SAMPLES = 360;

    /** Of more standbys those that lag most: in each sample, and over the half hour in a report. */
    static final int MOST_STANDBYS = 64;

    private final RelayState relay;
    private final Deque<Sample> samples = new ArrayDeque<>();

    private record Sample(Instant at, Optional<Long> written, Map<String, ManagerStatistics> managers, Map<String, Lag> lags) {}

    private record Lag(Optional<Long> writeBytes, Optional<Double> writeSeconds, Optional<Long> replayBytes, Optional<Double> replaySeconds) {
        long bytes() {
            return replayBytes.or(() -> writeBytes).orElse(0L);
        }
    }

    /**
     * The answer of {@code /api/v1/history}: columns, each with a value or null for each time.
     *
     * @param at when, in seconds since 1970
     * @param written the relay's written position as a number of bytes
     */
    record Report(double stepSeconds, List<Long> at, List<Optional<Long>> written, List<Manager> managers, List<Standby> standbys) {}

    /** The WAL of a resource manager that came since the start of the relay: {@link WalByManager}. */
    record Manager(String name, List<Optional<Long>> bytes, List<Optional<Long>> imageBytes) {}

    record Standby(
            String name,
            List<Optional<Long>> writeBytes,
            List<Optional<Double>> writeSeconds,
            List<Optional<Long>> replayBytes,
            List<Optional<Double>> replaySeconds) {}

    LagHistory(RelayState relay) {
        this.relay = relay;
    }

    /** To be called each {@link #STEP}. */
    void sample() {
        Optional<Lsn> written = relay.cache().map(WalCache::end).map(end -> end.written());
        Map<String, Lag> lags = new HashMap<>();
        for (StandbyStatus standby : relay.standbys().all()) {
            lags.merge(standby.name(), lag(standby, written), LagHistory::greater);
        }
        lags.keySet().retainAll(thoseThatLagMost(lags));
        Map<String, ManagerStatistics> managers = relay.cache().map(WalCache::byManager).map(WalByManager::counts).orElse(List.of()).stream()
                .collect(Collectors.toUnmodifiableMap(ManagerStatistics::resourceManager, Function.identity()));
        Sample sample = new Sample(relay.clock().instant(), written.map(Lsn::value), managers, Map.copyOf(lags));
        synchronized (samples) {
            samples.addLast(sample);
            if (samples.size() > SAMPLES) {
                samples.removeFirst();
            }
        }
    }

    private static Set<String> thoseThatLagMost(Map<String, Lag> lags) {
        return lags.entrySet().stream()
                .sorted(Comparator.comparingLong((Map.Entry<String, Lag> lag) -> lag.getValue().bytes()).reversed().thenComparing(Map.Entry::getKey))
                .limit(MOST_STANDBYS)
                .map(Map.Entry::getKey)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static Lag greater(Lag a, Lag b) {
        return a.bytes() >= b.bytes() ? a : b;
    }

    private static Lag lag(StandbyStatus standby, Optional<Lsn> written) {
        Optional<Long> toWrite = behind(standby.written(), written);
        Optional<Long> toReplay = behind(standby.replayed(), written);
        return new Lag(toWrite, seconds(standby, toWrite, standby.writeLag()), toReplay, seconds(standby, toReplay, standby.replayLag()));
    }

    /** Unknown while there is nothing to measure it by, and old where nothing is streamed; with nothing missing it is none. */
    private static Optional<Double> seconds(StandbyStatus standby, Optional<Long> behind, Optional<Duration> measured) {
        Optional<Double> seconds = measured.map(lag -> lag.toMillis() / 1e3);
        if (behind.equals(Optional.of(0L))) {
            return seconds.or(() -> Optional.of(0.0));
        }
        return standby.state() == StandbyStatus.State.STARTUP ? Optional.empty() : seconds;
    }

    private static Optional<Long> behind(Lsn reached, Optional<Lsn> written) {
        return reached.isValid() ? written.map(end -> Reports.behind(reached, end)) : Optional.empty();
    }

    Report report() {
        List<Sample> all;
        synchronized (samples) {
            all = List.copyOf(samples);
        }
        // Clients choose their names: who comes each time by a new one must not make this any larger.
        Map<String, Lag> greatest = new HashMap<>();
        all.forEach(sample -> sample.lags().forEach((name, lag) -> greatest.merge(name, lag, LagHistory::greater)));
        List<Standby> standbys = new ArrayList<>();
        for (String name : thoseThatLagMost(greatest)) {
            standbys.add(new Standby(
                    name,
                    column(all, Sample::lags, name, Lag::writeBytes),
                    column(all, Sample::lags, name, Lag::writeSeconds),
                    column(all, Sample::lags, name, Lag::replayBytes),
                    column(all, Sample::lags, name, Lag::replaySeconds)));
        }
        return new Report(
                STEP.toSeconds(), all.stream().map(sample -> sample.at().getEpochSecond()).toList(), all.stream().map(Sample::written).toList(), managers(all), standbys);
    }

    /** Those that have written by now: they only become more. */
    private static List<Manager> managers(List<Sample> all) {
        return all.isEmpty()
                ? List.of()
                : all.getLast().managers().keySet().stream().sorted()
                        .map(name -> new Manager(
                                name,
                                column(all, Sample::managers, name, it -> Optional.of(it.bytes())),
                                column(all, Sample::managers, name, it -> Optional.of(it.imageBytes()))))
                        .toList();
    }

    private static <V, T> List<Optional<T>> column(List<Sample> all, Function<Sample, Map<String, V>> values, String name, Function<V, Optional<T>> value) {
        return all.stream().map(sample -> Optional.ofNullable(values.apply(sample).get(name)).flatMap(value)).toList();
    }
}
