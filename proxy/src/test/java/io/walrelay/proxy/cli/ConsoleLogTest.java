package io.walrelay.proxy.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

class ConsoleLogTest {

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private final Logger log = new ConsoleLog.Lines("a.Name", new PrintStream(written, true, UTF_8));

    @Test
    void aLineSaysThatItIsOfTheLog() {
        log.info("{} of {}", 1, 2);
        log.warn("a fault", new UncheckedIOException("the disk is gone", new IOException("EIO")));
        log.atError().setCause(new IOException("the network")).addKeyValue("host", "pg1").log("another");
        assertEquals(
                """
                walrelay rewind: log: INFO Name: 1 of 2
                walrelay rewind: log: WARN Name: a fault: java.io.UncheckedIOException: the disk is gone: java.io.IOException: EIO
                walrelay rewind: log: ERROR Name: host=pg1 another: java.io.IOException: the network
                """,
                written.toString(UTF_8));
    }

    @Test
    void whatIsForDevelopersIsNotWritten() {
        log.debug("a step");
        log.atTrace().log("another");
        assertEquals("", written.toString(UTF_8));
    }

    /** Netty has no use for a logger without one, and looks for other logging systems then. */
    @Test
    void itHasItsName() {
        assertEquals("io.netty", new ConsoleLog().getLoggerFactory().getLogger("io.netty").getName());
    }
}
