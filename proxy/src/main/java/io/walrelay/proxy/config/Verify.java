package io.walrelay.proxy.config;

/** What follows from WAL that is damaged and that upstream has in the same way; {@code verify}. Each does what those after it do. */
public enum Verify {
    /** Nothing from the damage on is reported upstream as flushed: WAL gathers there until somebody has looked. */
    ACK,
    /** The segment is not archived. */
    ARCHIVE,
    /** An event, a metric, and the relay is not ready. */
    REPORT
}
