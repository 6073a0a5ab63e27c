package io.walrelay.proxy.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * A GET on a connection of its own whose body is dropped by the kernel ({@code MSG_TRUNC}): it costs the same whoever serves it.
 *
 * @param millis from before connecting until the last byte was there
 * @param head   status line and headers
 */
record HttpGet(double millis, String head) {

    private static final int HEAD_BYTES = 16 << 10;
    private static final long MOST_AT_ONCE = 1 << 20;

    /** Fails unless the answer is 200 with {@code bytes} bytes. */
    static HttpGet of(int port, String path, long bytes) {
        long begin = System.nanoTime();
        int socket = Libc.connect(port);
        try (Arena arena = Arena.ofConfined()) {
            Libc.send(socket, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".formatted(path).getBytes(StandardCharsets.US_ASCII));
            MemorySegment buffer = arena.allocate(HEAD_BYTES);
            int got = 0;
            int body = -1;
            String head = "";
            while (body < 0) {
                long more = got == HEAD_BYTES ? 0 : Libc.receive(socket, buffer.asSlice(got), HEAD_BYTES - got, 0);
                if (more == 0) {
                    throw new IllegalStateException("no answer to GET %s but \"%s\"".formatted(path, head));
                }
                got += (int) more;
                head = new String(buffer.asSlice(0, got).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
                body = head.indexOf("\r\n\r\n");
            }
            long left = bytes - (got - body - 4);
            head = head.substring(0, body);
            if (!head.startsWith("HTTP/1.1 200 ")) {
                throw new IllegalStateException("GET %s was answered with %s".formatted(path, head));
            }
            while (left > 0) {
                long more = Libc.receive(socket, buffer, Math.min(left, MOST_AT_ONCE), Libc.MSG_TRUNC);
                if (more == 0) {
                    throw new IllegalStateException("GET %s: %d bytes are missing".formatted(path, left));
                }
                left -= more;
            }
            double millis = (System.nanoTime() - begin) / 1e6;
            if (Libc.receive(socket, buffer, 1, 0) != 0) {
                throw new IllegalStateException("GET %s brought more than %d bytes".formatted(path, bytes));
            }
            return new HttpGet(millis, head);
        } finally {
            Libc.close(socket);
        }
    }

    /** Asks for the head alone, on a connection of its own. */
    static void headOf(int port, String path) {
        int socket = Libc.connect(port);
        try (Arena arena = Arena.ofConfined()) {
            Libc.send(socket, "HEAD %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".formatted(path).getBytes(StandardCharsets.US_ASCII));
            MemorySegment buffer = arena.allocate(HEAD_BYTES);
            long more = Libc.receive(socket, buffer, HEAD_BYTES, 0);
            while (more > 0) {
                more = Libc.receive(socket, buffer, HEAD_BYTES, 0);
            }
        } finally {
            Libc.close(socket);
        }
    }

    /** The value of a header. */
    Optional<String> header(String name) {
        return head.lines()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name + ":"))
                .map(line -> line.substring(name.length() + 1).strip())
                .findFirst();
    }
}
