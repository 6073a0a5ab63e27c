package io.walrelay.proxy.bench;

import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;

/** Counts the disk's cache flushes from when it is made; where the kernel does not count them, all its numbers are NaN. */
final class FlushMeter {

    private final Path path;
    private final OptionalLong before;
    private final long begin = System.nanoTime();

    /** Of the disk that {@code path} lies on. */
    FlushMeter(Path path) {
        this.path = path;
        this.before = ProcFiles.diskFlushes(path);
    }

    double count() {
        OptionalLong now = ProcFiles.diskFlushes(path);
        return now.isEmpty() || before.isEmpty() ? Double.NaN : now.getAsLong() - before.getAsLong();
    }

    double perSecond() {
        return count() / ((System.nanoTime() - begin) / 1e9);
    }

    /** A number of flushes, for the report. */
    static String text(double flushes) {
        return Double.isNaN(flushes) ? "unknown" : String.format(Locale.ROOT, "%.0f", flushes);
    }
}
