package io.walrelay.proxy.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RewindConsoleTest {

    private final StringWriter err = new StringWriter();
    private long now = Long.MAX_VALUE - 1000;

    private RewindConsole console(boolean progress, boolean debug) {
        return new RewindConsole(new PrintWriter(err, true), progress, debug, () -> now);
    }

    private void pass(long milliseconds) {
        now += TimeUnit.MILLISECONDS.toNanos(milliseconds);
    }

    private List<String> lines() {
        return err.toString().lines().toList();
    }

    /** The source's files may have grown meanwhile. */
    @Test
    void progressIsALineASecond() {
        RewindConsole console = console(true, false);
        for (int i = 1; i <= 25; i++) {
            pass(100);
            console.progress((long) i << 20, 20 << 20);
        }
        assertEquals(List.of(
                "walrelay rewind: 10240/20480 kB (50%) copied, 10.0 MB/s, 1 s left",
                "walrelay rewind: 20480/20480 kB (100%) copied, 10.0 MB/s, 0 s left"), lines());
        pass(1000);
        console.progress(30 << 20, 20 << 20);
        assertEquals("walrelay rewind: 30720/30720 kB (100%) copied, 8.6 MB/s, 0 s left", lines().getLast());
    }

    @Test
    void whatNobodyAskedForIsNotSaid() {
        RewindConsole quiet = console(false, false);
        pass(5000);
        quiet.progress(1, 2);
        quiet.debug("why");
        quiet.info("servers diverged");
        quiet.hint("run it again");
        assertEquals(List.of("walrelay rewind: servers diverged", "walrelay rewind: hint: run it again"), lines());
        console(false, true).debug("why");
        assertEquals("walrelay rewind: debug: why", lines().getLast());
    }
}
