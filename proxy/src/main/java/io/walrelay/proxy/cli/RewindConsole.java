package io.walrelay.proxy.cli;

import io.walrelay.proxy.config.FileFailure;
import io.walrelay.rewind.RewindListener;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** Says on standard error how a rewind goes, in pg_rewind's form. Confined to one thread. */
final class RewindConsole implements RewindListener {

    static final String PROGRAM = "walrelay rewind: ";
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final PrintWriter err;
    private final boolean progress;
    private final boolean debug;
    private final LongSupplier nanoTime;
    private final long begun;
    private long said;

    RewindConsole(PrintWriter err, boolean progress, boolean debug) {
        this(err, progress, debug, System::nanoTime);
    }

    RewindConsole(PrintWriter err, boolean progress, boolean debug, LongSupplier nanoTime) {
        this.err = err;
        this.progress = progress;
        this.debug = debug;
        this.nanoTime = nanoTime;
        this.begun = nanoTime.getAsLong();
        this.said = begun;
    }

    @Override
    public void info(String message) {
        line(message);
    }

    @Override
    public void debug(String message) {
        if (debug) {
            line("debug: " + message);
        }
    }

    /** Once a second. */
    @Override
    public void progress(long fetched, long expected) {
        long now = nanoTime.getAsLong();
        if (progress && now - said >= SECOND) {
            said = now;
            double rate = fetched / ((now - begun) / (double) SECOND);
            long left = Math.max(0, expected - fetched);
            line("%d/%d kB (%d%%) copied, %s/s, %d s left".formatted(
                    fetched >> 10, Math.max(fetched, expected) >> 10, expected == 0 ? 0 : Math.min(100, fetched * 100 / expected),
                    ProgressLines.size((long) rate), (long) (left / Math.max(1, rate))));
        }
    }

    void error(String message) {
        line("error: " + message);
    }

    void hint(String hint) {
        line("hint: " + hint);
    }

    private void line(String text) {
        err.println(PROGRAM + text);
        err.flush();
    }

    static String message(Exception e) {
        return e instanceof IOException io ? FileFailure.message(io) : e.toString();
    }
}
