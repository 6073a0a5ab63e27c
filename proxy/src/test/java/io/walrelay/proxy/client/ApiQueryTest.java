package io.walrelay.proxy.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import org.junit.jupiter.api.Test;

final class ApiQueryTest {

    /** One byte at a time, without end. */
    private static final class Drip extends InputStream {
        @Override
        public int read() {
            return 'x';
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            into[offset] = 'x';
            return 1;
        }
    }

    @Test
    void anAnswerHasToBeThereInTime() throws IOException {
        IOException late = assertThrows(IOException.class, () -> ApiQuery.readAll(new Drip(), Duration.ZERO));
        assertEquals("the answer was not there within 0 s", late.getMessage());
        byte[] answer = new byte[200_000];
        assertArrayEquals(answer, ApiQuery.readAll(new ByteArrayInputStream(answer), Duration.ofMinutes(1)));
    }
}
