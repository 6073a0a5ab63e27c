package io.walrelay.protocol.replication;

import java.time.Instant;

/** PostgreSQL's clock on the wire: microseconds since 2000-01-01 00:00 UTC (timestamp.h, TimestampTz). */
public final class PgTime {

    private static final long EPOCH_SECOND = Instant.parse("2000-01-01T00:00:00Z").getEpochSecond();
    private static final long MICROS_PER_SECOND = 1_000_000;

    private PgTime() {}

    /**
     * Rounds down to the microsecond.
     *
     * @throws ArithmeticException some 292,000 years from 2000
     */
    public static long of(Instant instant) {
        long seconds = Math.multiplyExact(instant.getEpochSecond() - EPOCH_SECOND, MICROS_PER_SECOND);
        return Math.addExact(seconds, instant.getNano() / 1_000);
    }

    /** Every 64-bit number is a time. */
    public static Instant toInstant(long micros) {
        return Instant.ofEpochSecond(
                EPOCH_SECOND + Math.floorDiv(micros, MICROS_PER_SECOND), Math.floorMod(micros, MICROS_PER_SECOND) * 1_000);
    }
}
