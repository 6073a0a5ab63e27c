package io.walrelay.proxy.cli;

import io.walrelay.cache.verify.Progress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Says how far long work is: on a terminal in one line that changes, else now and then in a line of its own. Begins at once; a thread of its own. */
final class ProgressLines implements AutoCloseable {

    private static final Duration ON_TERMINAL = Duration.ofMillis(500);
    private static final Duration ELSEWHERE = Duration.ofSeconds(10);

    /** To the line's beginning, and clear it. */
    private static final String REDRAW = "\r\033[K";

    private final Progress progress;
    private final PrintWriter err;
    private final boolean terminal = Terminal.is();
    private final long begun = System.nanoTime();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread thread;

    ProgressLines(Progress progress, PrintWriter err) {
        this.progress = progress;
        this.err = err;
        this.thread = Thread.ofPlatform().name("progress").daemon().start(this::run);
    }

    private void run() {
        long pause = (terminal ? ON_TERMINAL : ELSEWHERE).toMillis();
        try {
            while (!closed.await(pause, TimeUnit.MILLISECONDS)) {
                String line = line(progress.read(), progress.expected(), Duration.ofNanos(System.nanoTime() - begun));
                err.print(terminal ? REDRAW + line : line + System.lineSeparator());
                err.flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    static String line(long read, long expected, Duration since) {
        double rate = read / Math.max(0.001, since.toMillis() / 1000.0);
        if (expected == 0) {
            return "looking up what there is";
        }
        if (read >= expected || rate < 1) {
            return "%s read, %s/s".formatted(size(read), size((long) rate));
        }
        long left = (long) ((expected - read) / rate);
        return "%s of about %s read, %s/s, %s left".formatted(size(read), size(expected), size((long) rate), time(left));
    }

    /** With units of 1024, as PostgreSQL has them. */
    static String size(long bytes) {
        String[] units = {"B", "kB", "MB", "GB", "TB"};
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    }

    private static String time(long seconds) {
        return seconds >= 3600 ? "%d h %d min".formatted(seconds / 3600, seconds / 60 % 60) : seconds >= 60 ? "%d min %d s".formatted(seconds / 60, seconds % 60) : seconds + " s";
    }

    @Override
    public void close() {
        closed.countDown();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (terminal) {
            err.print(REDRAW);
            err.flush();
        }
    }
}
