package io.walrelay.proxy.metrics;

import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.state.DelayCounts;
import io.walrelay.proxy.state.ProcessFacts;
import io.walrelay.proxy.state.RelayState;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * The relay's metrics. Nearly all are read from its state when they are asked for, so that a series goes with the standby or
 * slot that it is about and all values of one scrape are of one moment; only fsync is timed, and requests for files are counted, as it happens. Thread-safe.
 */
public final class RelayMetrics {

    /** What {@link #scrape} returns: Prometheus' text format, which every version reads. */
    public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private static final Duration[] FSYNC_BOUNDS =
            IntStream.range(0, 16).mapToObj(i -> Duration.ofNanos(100_000L << i)).toArray(Duration[]::new);

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Timer fsync;
    private final WalFileCounts walFiles = new WalFileCounts();
    private final CertificateSeries certificates = new CertificateSeries();

    /** @param pacing how long WAL waited because of the write rate (standbys.max-write-rate) */
    public RelayMetrics(RelayState relay, ProcessFacts process, DelayCounts pacing) {
        fsync = Timer.builder("walrelay.wal.fsync")
                .description("Time that one fsync of a WAL segment took")
                .serviceLevelObjectives(FSYNC_BOUNDS)
                .register(registry);
        registry.getPrometheusRegistry().register(new RelayCollector(relay, process, pacing));
        registry.getPrometheusRegistry().register(walFiles);
        registry.getPrometheusRegistry().register(new ProcessCollector(process));
    }

    /** Shows limits and certificates of the settings, too. */
    public void show(Settings settings) {
        registry.getPrometheusRegistry().register(new LimitSeries(settings));
        registry.getPrometheusRegistry().register(certificates);
        showCertificates(settings);
    }

    /** Shows the certificates that the settings name as they are now. */
    public void showCertificates(Settings settings) {
        certificates.show(settings);
    }

    /** Where requests for WAL files are counted. */
    public WalFileCounts walFiles() {
        return walFiles;
    }

    /** One fsync of a WAL segment took that long. Cheap enough for the thread that waited for it. */
    public void fsyncTook(long nanos) {
        fsync.record(nanos, TimeUnit.NANOSECONDS);
    }

    /** All metrics of this moment. May touch the disk. */
    public String scrape() {
        return registry.scrape(CONTENT_TYPE);
    }
}
