package io.walrelay.proxy.metrics;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.walrelay.proxy.config.Settings;
import io.walrelay.proxy.state.Admitted;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;

/** What other series are to be compared with: limits of the settings, and the disk that they promise something of. Thread-safe. */
final class LimitSeries implements MultiCollector {

    private final Settings settings;

    LimitSeries(Settings settings) {
        this.settings = settings;
    }

    @Override
    public MetricSnapshots collect() {
        Families families = new Families();
        families.gauge("cache_memory_limit_bytes", "Memory for WAL (cache.memory)", settings.cache().memory().bytes());
        families.gauge("cache_disk_limit_bytes", "Local disk for WAL (cache.disk)", settings.cache().disk().bytes());
        int sessions = settings.standbys().maxSessions();
        families.gauge("sessions_limit", "Sessions that may be let in at a time", sessions);
        families.gauge(
                "forwarded_sessions_limit",
                "Sessions, of all kinds, from which on standbys alone are let in: no forwarded session, and none of the console",
                Admitted.limitOfOthers(sessions));
        disk(families, settings.data());
        return families.build();
    }

    private static void disk(Families families, Path data) {
        try {
            FileStore disk = Files.getFileStore(data);
            families.gauge("disk_size_bytes", "Size of the file system that the data directory is on", disk.getTotalSpace());
            families.gauge("disk_free_bytes", "Bytes that may still be written to it", disk.getUsableSpace());
        } catch (IOException e) {
            // A disk that can't be asked is another alert's; what is not known is left out.
        }
    }
}
