package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.FreePort;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.zip.CRC32C;
import javax.net.ServerSocketFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;

/**
 * What clients take for a relay's HTTP port: it serves the WAL files of a directory and takes new ones, and for as many requests as it
 * is told it misbehaves first. Each connection carries one request. Thread-safe.
 */
public final class FakeRelay implements AutoCloseable {

    private final Path directory;
    private final ServerSocket listener;
    private final Queue<Answer> planned = new ConcurrentLinkedQueue<>();
    private volatile Predicate<String> refused = name -> false;
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final List<String> orders = new CopyOnWriteArrayList<>();
    private final Set<Socket> connections = ConcurrentHashMap.newKeySet();
    private final CountDownLatch closed = new CountDownLatch(1);

    /** A request without its body. Names of headers are lower case. */
    public record Request(String method, String target, Map<String, String> headers) {}

    /** How a request is answered. The connection ends when this returns or throws. */
    @FunctionalInterface
    public interface Answer {
        void write(OutputStream out, FakeRelay relay) throws IOException, InterruptedException;
    }

    private FakeRelay(Path directory, ServerSocket listener) {
        this.directory = directory;
        this.listener = listener;
    }

    /** Serves what lies in {@code directory} at the time of each request. */
    public static FakeRelay serving(Path directory) {
        return serving(directory, FreePort.next());
    }

    /** As a relay that comes back on its old port. */
    public static FakeRelay serving(Path directory, int port) {
        return serving(directory, ServerSocketFactory.getDefault(), port);
    }

    /** Speaks TLS, and wants a certificate of its clients. */
    public static FakeRelay serving(Path directory, SSLContext tls) {
        FakeRelay relay = serving(directory, tls.getServerSocketFactory(), FreePort.next());
        ((SSLServerSocket) relay.listener).setNeedClientAuth(true);
        return relay;
    }

    private static FakeRelay serving(Path directory, ServerSocketFactory sockets, int port) {
        try {
            FakeRelay relay = new FakeRelay(directory, sockets.createServerSocket(port, 64, InetAddress.getByAddress(new byte[] {127, 0, 0, 1})));
            Thread.ofVirtual().name("fake-relay").start(relay::accept);
            return relay;
        } catch (IOException e) {
            throw new UncheckedIOException("could not listen on port " + port, e);
        }
    }

    public String url() {
        return (listener instanceof SSLServerSocket ? "https" : "http") + "://127.0.0.1:" + listener.getLocalPort();
    }

    /** Answers the next requests so, and those after them as a relay does. */
    public FakeRelay next(Answer... answers) {
        planned.addAll(Arrays.asList(answers));
        return this;
    }

    /** Could not look for files with such names, until it is told otherwise. */
    public FakeRelay refusing(Predicate<String> names) {
        refused = names;
        return this;
    }

    /** All requests so far, in their order. */
    public List<Request> requests() {
        return List.copyOf(requests);
    }

    /** The bodies of JSON so far. */
    public List<String> orders() {
        return List.copyOf(orders);
    }

    /** A whole answer. */
    public static Answer status(int status, String type, String body, String... headers) {
        return (out, _) -> {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            List<String> lines = new ArrayList<>(List.of("HTTP/1.1 %d Status".formatted(status), "content-type: " + type, "content-length: " + bytes.length));
            lines.addAll(Arrays.asList(headers));
            head(out, lines.toArray(String[]::new));
            out.write(bytes);
        };
    }

    /** As a relay refuses. */
    public static Answer refusal(int status, String reason, String... headers) {
        return status(status, "application/json", "{\"error\":\"%s\"}\n".formatted(reason), headers);
    }

    /** As a relay answers that has looked for a file and has proved that there is none. */
    public static Answer absent(String name) {
        return refusal(404, name + " is absent", "x-walrelay-absent: " + name);
    }

    /** 200 and {@code body} under these headers, whatever they say of it. */
    public static Answer body(byte[] body, String... headers) {
        byte[] copy = body.clone();
        return (out, _) -> {
            List<String> lines = new ArrayList<>(List.of("HTTP/1.1 200 OK"));
            lines.addAll(Arrays.asList(headers));
            head(out, lines.toArray(String[]::new));
            out.write(copy);
        };
    }

    /** 200 with a length of which only a part comes. */
    public static Answer dropped(int bytes, long length) {
        return body(new byte[bytes], "content-length: " + length);
    }

    /** Nothing, until this relay is closed. */
    public static Answer hanging() {
        return (_, relay) -> relay.closed.await();
    }

    /** Begins a segment of 1 MB, and then sends a byte ten times a second. */
    public static Answer trickling() {
        return (out, relay) -> {
            head(out, "HTTP/1.1 200 OK", "content-length: " + (1 << 20));
            do {
                out.write(0);
                out.flush();
            } while (!relay.closed.await(100, TimeUnit.MILLISECONDS));
        };
    }

    /** Something else than HTTP. */
    public static Answer noise() {
        return (out, _) -> out.write("SSH-2.0-OpenSSH_9.2\r\n".getBytes(StandardCharsets.US_ASCII));
    }

    private static void head(OutputStream out, String... lines) throws IOException {
        out.write((String.join("\r\n", lines) + "\r\nconnection: close\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        out.flush();
    }

    private void accept() {
        while (closed.getCount() > 0) {
            try {
                Socket connection = listener.accept();
                connections.add(connection);
                Thread.ofVirtual().name("fake-relay-connection").start(() -> serve(connection));
            } catch (SocketException listenerClosed) {
                return;
            } catch (IOException e) {
                throw new UncheckedIOException("could not accept", e);
            }
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            InputStream in = new BufferedInputStream(connection.getInputStream());
            Request request = read(in);
            byte[] body = in.readNBytes(Integer.parseInt(request.headers().getOrDefault("content-length", "0")));
            requests.add(request);
            if (request.headers().getOrDefault("content-type", "").startsWith("application/json")) {
                orders.add(new String(body, StandardCharsets.UTF_8));
            }
            Answer answer = planned.poll();
            if (answer == null) {
                answer = request.method().equals("PUT") ? taking(name(request), body) : giving(name(request));
            }
            answer.write(connection.getOutputStream(), this);
            connection.getOutputStream().flush();
        } catch (IOException clientIsGone) {
            return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            connections.remove(connection);
        }
    }

    private static Request read(InputStream in) throws IOException {
        String[] first = line(in).split(" ", -1);
        Map<String, String> headers = new LinkedHashMap<>();
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            int colon = line.indexOf(':');
            headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
        }
        return new Request(first[0], first[1], headers);
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        int c = in.read();
        while (c >= 0 && c != '\n') {
            line.append((char) c);
            c = in.read();
        }
        if (c < 0) {
            throw new IOException("the client ended the request");
        }
        return line.toString().stripTrailing();
    }

    private static String name(Request request) {
        return request.target().replaceFirst("^.*/wal/", "").replaceFirst("\\?.*$", "");
    }

    private Answer giving(String name) throws IOException {
        Path file = directory.resolve(name);
        if (refused.test(name)) {
            return refusal(503, "the archive is away");
        }
        if (!Files.isRegularFile(file)) {
            return absent(name);
        }
        byte[] bytes = Files.readAllBytes(file);
        CRC32C sum = new CRC32C();
        sum.update(bytes);
        return body(bytes, "content-length: " + bytes.length, "etag: \"%08x\"".formatted((int) sum.getValue()));
    }

    private Answer taking(String name, byte[] body) throws IOException {
        Path file = directory.resolve(name);
        if (Files.exists(file)) {
            return Arrays.equals(Files.readAllBytes(file), body) ? refusal(200, "is archived") : refusal(409, "held with other bytes");
        }
        Files.write(file, body);
        return refusal(201, "archived");
    }

    @Override
    public void close() {
        closed.countDown();
        try {
            listener.close();
            for (Socket connection : connections) {
                connection.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("could not close", e);
        }
    }
}
