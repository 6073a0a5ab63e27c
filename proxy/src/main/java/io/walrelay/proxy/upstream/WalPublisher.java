package io.walrelay.proxy.upstream;

import io.walrelay.cache.EndOfWal;
import io.walrelay.wal.Lsn;
import java.io.IOException;

/**
 * What is done once with all WAL of a reading of the socket: publish, wake; then flush and reply at once when a commit may wait for us,
 * else leave it to {@link io.walrelay.cache.GroupFsync}. Confined to the WAL writer thread.
 */
final class WalPublisher {

    private final StreamContext around;
    private final StatusReports reports;

    WalPublisher(StreamContext around, StatusReports reports) {
        this.around = around;
        this.reports = reports;
    }

    /** @param synchronous whether a commit may wait for it */
    void publish(boolean synchronous, Lsn upstreamEnd) throws IOException {
        Lsn before = around.cache().end().written();
        EndOfWal written = around.cache().writer().publish();
        if (!written.written().equals(before)) {
            around.relay().walAdvanced();
            if (synchronous) {
                around.cache().writer().flush();
                reports.reportNews();
            } else {
                around.fsync().wrote(written);
            }
        }
        around.status().heard(written.written(), upstreamEnd, around.relay().clock().instant());
    }
}
