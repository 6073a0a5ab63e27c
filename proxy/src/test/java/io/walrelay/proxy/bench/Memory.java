package io.walrelay.proxy.bench;

import io.walrelay.proxy.bench.ReaderProcess.Received;
import io.walrelay.proxy.demo.LocalPostgres;
import io.walrelay.wal.Lsn;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Memory: what a server has resident while many live readers follow a steady stream of WAL. */
final class Memory implements Scenario {

    private static final int READERS = 500;
    private static final double BYTES_PER_SECOND = 1_000_000;
    private static final int MESSAGES_PER_SECOND = 20;
    private static final double TOLERANCE = 0.1;

    @Override
    public String name() {
        return "memory";
    }

    /** {@code bytes} of memory; {@code rate} of WAL, measured, in bytes a second. */
    private record Measured(long bytes, double rate, Received received) {}

    @Override
    public String run(Lab lab) throws SQLException {
        Duration duration = Duration.ofSeconds(lab.quick() ? 5 : 20);
        try (LocalPostgres primary = lab.cluster("memory", READERS + 20).start()) {
            primary.execute("SELECT pg_create_physical_replication_slot('%s', true)".formatted(Lab.SLOT));
            Measured ofRelay;
            long peak;
            try (RelayServer relay = RelayServer.start(lab, primary)) {
                Lab.say("memory, %d readers on the relay".formatted(READERS));
                ofRelay = measure(primary, relay.port(), duration, () -> ProcFiles.residentBytes(relay.pid()));
                peak = ProcFiles.peakResidentBytes(relay.pid());
            }
            Lab.say("memory, %d readers on the primary".formatted(READERS));
            Measured ofWalsenders = measure(
                    primary,
                    primary.port(),
                    duration,
                    () -> ProcFiles.walSenders(primary.pid()).stream()
                            .mapToLong(process -> ProcFiles.proportionalBytes(process.pid()))
                            .sum());
            return section(duration, ofWalsenders, ofRelay, peak);
        }
    }

    private static Measured measure(LocalPostgres primary, int port, Duration duration, Supplier<Long> memory) throws SQLException {
        Lsn from = primary.flushedLsn();
        try (ReaderProcess readers = ReaderProcess.plain(new ReaderArguments(port, READERS, from, Long.MAX_VALUE, ""))) {
            readers.go();
            long begin = System.nanoTime();
            writeSteadily(primary, begin, duration);
            double seconds = (System.nanoTime() - begin) / 1e9;
            long bytes = memory.get();
            long written = primary.flushedLsn().minus(from);
            Received received = readers.stop();
            double rate = written / seconds;
            if (Math.abs(rate / BYTES_PER_SECOND - 1) > TOLERANCE || received.least() < written * (1 - TOLERANCE)) {
                throw new IllegalStateException("%d readers: %.0f bytes of WAL a second, expected %.0f; the slowest received %d of %d bytes"
                        .formatted(READERS, rate, BYTES_PER_SECOND, received.least(), written));
            }
            return new Measured(bytes, rate, received);
        }
    }

    /** Commits messages into the WAL, each when it is due. */
    private static void writeSteadily(LocalPostgres primary, long begin, Duration duration) throws SQLException {
        long messages = duration.toSeconds() * MESSAGES_PER_SECOND;
        try (Connection connection = primary.connect();
                PreparedStatement message = connection.prepareStatement(
                        "SELECT pg_logical_emit_message(true, 'bench', repeat('x', %d))"
                                .formatted((int) BYTES_PER_SECOND / MESSAGES_PER_SECOND))) {
            for (long i = 0; i < messages; i++) {
                long due = begin + i * (1_000_000_000L / MESSAGES_PER_SECOND);
                for (long now = System.nanoTime(); now - due < 0; now = System.nanoTime()) {
                    LockSupport.parkNanos(due - now);
                }
                message.execute();
            }
        }
    }

    private static String section(Duration duration, Measured ofWalsenders, Measured ofRelay, long peak) {
        Table table = new Table("server", "memory, MB", "at its peak, MB", "WAL, MB/s", "slowest reader received, MB")
                .row(
                        "%d walsenders, their share (Pss)".formatted(READERS),
                        megabytes(ofWalsenders.bytes()),
                        "",
                        "%.2f".formatted(ofWalsenders.rate() / 1e6),
                        "%.1f".formatted(ofWalsenders.received().least() / 1e6))
                .row(
                        "relay, resident (RSS)",
                        megabytes(ofRelay.bytes()),
                        megabytes(peak),
                        "%.2f".formatted(ofRelay.rate() / 1e6),
                        "%.1f".formatted(ofRelay.received().least() / 1e6));
        return """
                ## Memory (`memory`)

                %d live readers for %d s, at a rate that is checked, as is what each of them received. MB are of 1,048,576 bytes in the
                columns of memory. To reach: relay under 512 MB.

                %s
                Memory, relay / walsenders: %.2f.
                """.formatted(READERS, duration.toSeconds(), table, ofRelay.bytes() / (double) ofWalsenders.bytes());
    }

    private static String megabytes(long bytes) {
        return "%.0f".formatted(bytes / (double) (1 << 20));
    }
}
