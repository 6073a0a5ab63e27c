package io.walrelay.proxy.upstream;

import io.walrelay.proxy.demo.Await;
import io.walrelay.proxy.demo.FreePort;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A real server that hangs on cue: what is in front of it on 127.0.0.1 carries all messages until the server answers START_REPLICATION
 * with the one that it is to hang at. From then on that connection is silent and stays, whatever becomes of the server. Thread-safe.
 */
final class HangingServer implements AutoCloseable {

    /** Where the server hangs: before it has sent the message of this type, or after. */
    enum At {
        NEVER('\0', false),
        BEFORE_COPY_BOTH('W', true),
        AFTER_COPY_DONE('c', false);

        private final char type;
        private final boolean before;

        At(char type, boolean before) {
            this.type = type;
            this.before = before;
        }
    }

    private final int target;
    private final ServerSocket listener;
    private final AtomicBoolean refusing = new AtomicBoolean();
    private final AtomicInteger hanging = new AtomicInteger();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile At at = At.NEVER;

    private HangingServer(int target, ServerSocket listener) {
        this.target = target;
        this.listener = listener;
    }

    static HangingServer inFrontOf(int port) throws IOException {
        HangingServer server = new HangingServer(port, new ServerSocket(FreePort.next(), 50, loopback()));
        Thread.ofVirtual().name("hanging-server-accept").start(server::accept);
        return server;
    }

    private static InetAddress loopback() throws IOException {
        return InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
    }

    String conninfo() {
        return "host=127.0.0.1 port=%d user=postgres sslmode=disable".formatted(port());
    }

    int port() {
        return listener.getLocalPort();
    }

    /** For streams that begin from now on, and those that run. */
    void hang(At where) {
        at = where;
    }

    /** Closes new connections at once. */
    void refuse() {
        refusing.set(true);
    }

    void awaitHanging() {
        Await.until("the server to hang", TestLink.SOON, () -> hanging.get() > 0);
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                if (refusing.get()) {
                    client.close();
                } else {
                    Thread.ofVirtual().name("hanging-server").start(() -> serve(client));
                }
            } catch (SocketException e) {
                return;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private void serve(Socket client) {
        try (client;
                Socket server = new Socket(loopback(), target)) {
            AtomicBoolean streams = new AtomicBoolean();
            Thread.ofVirtual().name("hanging-server-commands").start(() -> commands(client, server, streams));
            answers(server, client, streams);
        } catch (IOException e) {
            // One side has left.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void commands(Socket client, Socket server, AtomicBoolean streams) {
        try (client;
                server) {
            byte[] buffer = new byte[16 << 10];
            for (int n = client.getInputStream().read(buffer); n >= 0; n = client.getInputStream().read(buffer)) {
                if (new String(buffer, 0, n, StandardCharsets.ISO_8859_1).contains("START_REPLICATION")) {
                    streams.set(true);
                }
                server.getOutputStream().write(buffer, 0, n);
            }
        } catch (IOException e) {
            // One side has left.
        }
    }

    private void answers(Socket server, Socket client, AtomicBoolean streams) throws IOException, InterruptedException {
        DataInputStream in = new DataInputStream(server.getInputStream());
        DataOutputStream out = new DataOutputStream(client.getOutputStream());
        boolean silent = false;
        for (int type = in.read(); type >= 0; type = in.read()) {
            int length = in.readInt();
            byte[] body = in.readNBytes(length - 4);
            At where = at;
            boolean here = streams.get() && type == where.type;
            silent = silent || (here && where.before);
            if (!silent) {
                out.writeByte(type);
                out.writeInt(length);
                out.write(body);
                out.flush();
            }
            silent = silent || here;
            if (here) {
                hanging.incrementAndGet();
            }
        }
        if (silent) {
            closed.await();
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        closed.countDown();
    }
}
