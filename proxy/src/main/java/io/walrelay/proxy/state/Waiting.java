package io.walrelay.proxy.state;

import io.walrelay.wal.Lsn;

/** What a stream waits for that could go on otherwise. */
public sealed interface Waiting {

    /** For nothing: it sends, or has sent all. */
    record Nothing() implements Waiting {}

    /** For WAL that the standby has asked for and the relay has not yet. */
    record Ahead(Lsn start) implements Waiting {}

    /** For a segment that comes from the archive; {@code at} is in it. */
    record Archive(Lsn at) implements Waiting {}

    Waiting NOTHING = new Nothing();
}
