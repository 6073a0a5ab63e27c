package io.walrelay.rewind.plan;

import io.walrelay.rewind.datadir.ControlFile;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.format.WalIdentity;

/**
 * One of the two servers, as its files say before anything was touched.
 *
 * @param major 13 to 18
 * @param history of the timeline it is on
 */
public record Side(ControlFile control, int major, TimelineHistory history) {

    /** What its WAL must be. */
    public WalIdentity identity() {
        return new WalIdentity(control.systemId(), control.segmentSize(), history);
    }
}
