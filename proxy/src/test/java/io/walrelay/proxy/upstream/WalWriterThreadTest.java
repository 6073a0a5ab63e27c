package io.walrelay.proxy.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WalWriterThreadTest {

    private final EventLoops loops = EventLoops.open();
    private final WalWriterThread writer = new WalWriterThread(loops.writer());

    @AfterEach
    void close() {
        loops.close(Duration.ofSeconds(5));
    }

    @Test
    void whoeverWaitsIsToldWhatWentWrongWhateverItIs() throws Exception {
        assertEquals(1, writer.call(() -> 1));
        assertThrows(IOException.class, () -> writer.call(() -> {
            throw new IOException("disk");
        }));
        IllegalStateException told = assertThrows(IllegalStateException.class, () -> writer.call(() -> {
            throw new OutOfMemoryError("not really");
        }));
        assertInstanceOf(OutOfMemoryError.class, told.getCause());
    }
}
