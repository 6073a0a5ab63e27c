package io.walrelay.proxy.metrics;

import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;

/** Gathers the families of one scrape. Every name gets {@code walrelay_} before it. Confined to one scrape. */
final class Families {

    private static final String PREFIX = "walrelay_";

    private final MetricSnapshots.Builder all = MetricSnapshots.builder();

    /** A family whose series follow. */
    final class Gauge {
        private final GaugeSnapshot.Builder builder;
        private boolean used;

        private Gauge(String name, String help) {
            builder = GaugeSnapshot.builder().name(PREFIX + name).help(help);
        }

        /** @param labels names and values in turn */
        Gauge at(double value, String... labels) {
            builder.dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder().value(value).labels(Labels.of(labels)).build());
            used = true;
            return this;
        }

        /** Exact up to 2^53. */
        Gauge at(long value, String... labels) {
            return at((double) value, labels);
        }

        /** A family without series is left out: nothing is known. */
        void done() {
            if (used) {
                all.metricSnapshot(builder.build());
            }
        }
    }

    /** A family of counters whose series follow. */
    final class Counter {
        private final CounterSnapshot.Builder builder;
        private boolean used;

        private Counter(String name, String help) {
            builder = CounterSnapshot.builder().name(PREFIX + name).help(help);
        }

        Counter at(double value, String... labels) {
            builder.dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder().value(value).labels(Labels.of(labels)).build());
            used = true;
            return this;
        }

        /** Exact up to 2^53. */
        Counter at(long value, String... labels) {
            return at((double) value, labels);
        }

        void done() {
            if (used) {
                all.metricSnapshot(builder.build());
            }
        }
    }

    Gauge gauge(String name, String help) {
        return new Gauge(name, help);
    }

    /** @param name without {@code _total}, which the text format adds */
    Counter counter(String name, String help) {
        return new Counter(name, help);
    }

    void gauge(String name, String help, double value) {
        gauge(name, help).at(value).done();
    }

    void gauge(String name, String help, long value) {
        gauge(name, help).at(value).done();
    }

    void counter(String name, String help, double value) {
        counter(name, help).at(value).done();
    }

    void counter(String name, String help, long value) {
        counter(name, help).at(value).done();
    }

    void add(io.prometheus.metrics.model.snapshots.MetricSnapshot snapshot) {
        all.metricSnapshot(snapshot);
    }

    MetricSnapshots build() {
        return all.build();
    }
}
