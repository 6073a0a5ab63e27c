package io.walrelay.proxy.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.proxy.testkit.Programs;
import io.walrelay.proxy.testkit.RelayProcess;
import io.walrelay.wal.SegmentSize;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A disk limit that is fine by itself and too small for upstream's segments, which is known only once upstream is. */
@Timeout(90)
final class CacheDiskIT {

    private static final Programs PROGRAMS = Programs.version(15);
    private static final Psql PSQL = new Psql(PROGRAMS);

    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TempDir
    private Path data;

    @Test
    void aLimitOfFewSegmentsIsSaidWithTheLeastThatWorks() throws Exception {
        String problem = "disk-limit: cache.disk = 64MB: expected at least 512MB, since upstream has segments of 64MB;"
                + " standbys lose their WAL as soon as they are behind\n";
        try (LocalPostgres primary = LocalPostgres.of(PROGRAMS.server()).segmentSize(new SegmentSize(64 << 20)).start();
                RelayProcess relay = RelayProcess.of(primary.conninfo(), "relay", data).with("WALRELAY_CACHE_DISK", "64MB").start()) {
            PSQL.awaitLevel(relay, primary);
            assertEquals(problem, relay.get("/readyz").body());
            assertTrue(relay.log().contains("cache.disk = 64MB: expected at least 512MB"), relay::log);

            // The next start knows it from its own files.
            relay.terminate(LIMIT);
            relay.start();
            relay.awaitHttp("/readyz", 503, LIMIT);
            assertEquals(problem, relay.get("/readyz").body());

            relay.terminate(LIMIT);
            relay.with("WALRELAY_CACHE_DISK", "512MB").start();
            relay.awaitReady(LIMIT);
        }
    }
}
