package io.walrelay.wal.format;

import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;

/** Which log a reader expects: whose, how it is cut, and along which lineage. */
public record WalIdentity(SystemId systemId, SegmentSize segmentSize, TimelineHistory history) {}
