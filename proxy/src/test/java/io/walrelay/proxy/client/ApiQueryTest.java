package io.walrelay.proxy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.testkit.FakeRelay;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An answer has to be whole in time, however often a byte of it comes. */
@Timeout(30)
final class ApiQueryTest {

    private static final Duration LONGEST = Duration.ofMillis(500);

    private final CountDownLatch gone = new CountDownLatch(1);

    @TempDir
    private Path directory;

    private static ApiQuery query(FakeRelay relay, Duration longest) {
        return new ApiQuery(new Relays(List.of(URI.create(relay.url())), Optional.empty(), Optional.empty(), Duration.ofSeconds(20)), longest);
    }

    /** {@code start}, then a byte each 10 ms, until the client is gone. */
    private FakeRelay.Answer trickle(String start) {
        return (out, _) -> {
            out.write(start.getBytes(StandardCharsets.US_ASCII));
            try {
                while (!gone.await(10, TimeUnit.MILLISECONDS)) {
                    writeByte(out);
                }
            } catch (IOException e) {
                gone.countDown();
                throw e;
            }
        };
    }

    private static void writeByte(OutputStream out) throws IOException {
        out.write('x');
        out.flush();
    }

    @Test
    void headersMayNotTrickleForEver() throws Exception {
        takesNoLongerThanItMay("HTTP/1.1 200 OK\r\nx-header: ");
    }

    @Test
    void norMayTheBody() throws Exception {
        takesNoLongerThanItMay("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
    }

    private void takesNoLongerThanItMay(String start) throws Exception {
        try (FakeRelay relay = FakeRelay.serving(directory).next(trickle(start))) {
            IOException late = assertThrows(IOException.class, () -> query(relay, LONGEST).get(URI.create(relay.url()), "/api/v1/peer"));
            assertEquals("the answer was not there within 0 s", late.getMessage());
            Await.until("the connection to be closed", Duration.ofSeconds(10), gone::getCount, left -> left == 0);
        } finally {
            gone.countDown();
        }
    }

    @Test
    void whatIsThereInTimeIsTakenWhole() throws Exception {
        String body = "x".repeat(200_000);
        try (FakeRelay relay = FakeRelay.serving(directory).next(FakeRelay.status(200, "text/plain", body), FakeRelay.refusal(503, "not now"))) {
            ApiQuery query = query(relay, Duration.ofSeconds(20));
            assertEquals(body, query.get(URI.create(relay.url()), "/"));
            IOException refused = assertThrows(IOException.class, () -> query.get(URI.create(relay.url()), "/"));
            assertTrue(String.valueOf(refused.getMessage()).startsWith("HTTP 503"), refused::toString);
        }
    }
}
