package io.walrelay.proxy.testkit;

import io.walrelay.proxy.demo.FreePort;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * A TCP proxy on 127.0.0.1 that does to its connections what networks do: delays them, slows them down, cuts them, or stops
 * carrying bytes while both ends believe that they are connected.
 *
 * <p>Thread-safe. Faults count for bytes that are not written yet, in connections that exist and in new ones, until they are taken
 * back. One direction of a connection holds up to 1 MB, so a delay of 50 ms leaves 20 MB/s.
 */
public final class FaultProxy implements AutoCloseable {

    private static final int CHUNK_BYTES = 16 << 10;

    /** What one direction of a connection holds: 1 MB, beside the kernel's buffers. */
    private static final int CHUNKS_UNDERWAY = 64;

    /** Which way bytes go. */
    public enum Direction {
        TO_SERVER,
        TO_CLIENT
    }

    /** How a connection ends. */
    public enum Cut {
        /** An orderly end (FIN) to both sides; the kernel makes it a reset where bytes are still unread. */
        FIN,
        /** A reset (RST) to both sides, bytes in flight are lost. */
        RST
    }

    private final InetSocketAddress target;
    private final ServerSocket listener;
    private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
    private final Channel toServer = new Channel();
    private final Channel toClient = new Channel();
    private final AtomicBoolean refusing = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();

    private FaultProxy(InetSocketAddress target, ServerSocket listener) {
        this.target = target;
        this.listener = listener;
    }

    /** Listens on a free port and forwards to {@code port} of 127.0.0.1. */
    public static FaultProxy to(int port) {
        try {
            InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
            ServerSocket listener = new ServerSocket(FreePort.next(), 256, loopback);
            FaultProxy proxy = new FaultProxy(new InetSocketAddress(loopback, port), listener);
            Thread.ofVirtual().name("fault-proxy-accept").start(proxy::accept);
            return proxy;
        } catch (IOException e) {
            throw new UncheckedIOException("could not listen in front of port " + port, e);
        }
    }

    public int port() {
        return listener.getLocalPort();
    }

    /** Connections that are open now. */
    public int connectionCount() {
        return connections.size();
    }

    /** Every chunk of bytes arrives this much later than it would; zero takes it back. */
    public void delay(Direction direction, Duration delay) {
        channel(direction).delay(delay);
    }

    /** At most so many bytes per second in all connections together; {@link Long#MAX_VALUE} takes it back. */
    public void throttle(Direction direction, long bytesPerSecond) {
        if (bytesPerSecond < 1) {
            throw new IllegalArgumentException("not a rate: %d bytes/s; to stop altogether there is pause".formatted(bytesPerSecond));
        }
        channel(direction).throttle(bytesPerSecond);
    }

    /** Carries nothing more in this direction while TCP stays up; the sender finds its window closed sooner or later. */
    public void pause(Direction direction) {
        channel(direction).pause(true);
    }

    public void resume(Direction direction) {
        channel(direction).pause(false);
    }

    /** A half-open network: neither side hears anything more, neither is told. {@link #resume} of both directions mends it. */
    public void goSilent() {
        pause(Direction.TO_SERVER);
        pause(Direction.TO_CLIENT);
    }

    /** Ends all connections that exist. New ones are accepted, unless {@link #refuse} says otherwise. */
    public void cut(Cut how) {
        connections.forEach(connection -> connection.end(how));
    }

    /** Whether new connections are reset at once, as when nobody listens. */
    public void refuse(boolean refuse) {
        refusing.set(refuse);
    }

    /** Records from now on what is carried in this direction, in the order in which it is written. */
    public void record(Direction direction) {
        channel(direction).record();
    }

    /** What was recorded so far. */
    public byte[] recorded(Direction direction) {
        return channel(direction).recorded();
    }

    /** Bytes carried in this direction so far, those included that are just being written. */
    public long carried(Direction direction) {
        return channel(direction).carried();
    }

    @Override
    public void close() {
        closed.set(true);
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException("could not close the listener", e);
        }
        cut(Cut.RST);
    }

    private Channel channel(Direction direction) {
        return switch (direction) {
            case TO_SERVER -> toServer;
            case TO_CLIENT -> toClient;
        };
    }

    private void accept() {
        while (!closed.get()) {
            try {
                Socket client = listener.accept();
                if (refusing.get()) {
                    reset(client);
                } else {
                    Thread.ofVirtual().name("fault-proxy-open").start(() -> open(client));
                }
            } catch (SocketException listenerClosed) {
                return;
            } catch (IOException e) {
                throw new UncheckedIOException("could not accept on port " + port(), e);
            }
        }
    }

    private void open(Socket client) {
        Connection connection = new Connection(client, new Socket());
        connections.add(connection);
        connection.open();
        if (closed.get()) {
            connection.end(Cut.RST);
        }
    }

    private static void reset(Socket socket) {
        try (socket) {
            socket.setSoLinger(true, 0);
        } catch (IOException alreadyGone) {
            return;
        }
    }

    /** Bytes that are on their way, as on a long line; the last chunk of a direction is empty. */
    @SuppressWarnings("ArrayRecordComponent") // Never compared: it only passes from one thread to the other.
    private record Chunk(byte[] bytes, long arrivedNanos, boolean last) {}

    private interface Carrier {
        void run() throws IOException, InterruptedException;
    }

    /**
     * Two sockets and, for each direction, a thread that reads and one that writes.
     *
     * <p>When it is ended while the server is being reached, the server's socket is closed only then: closed by another thread within
     * {@link Socket#connect}, a socket ends orderly, although it was to linger for no time.
     */
    private final class Connection {

        private final Socket client;
        private final Socket server;
        private final ReentrantLock lock = new ReentrantLock();
        private boolean opened;

        /** Set with the lock, read without. */
        private volatile Optional<Cut> ended = Optional.empty();

        private final Queue<Thread> threads = new ConcurrentLinkedQueue<>();

        Connection(Socket client, Socket server) {
            this.client = client;
            this.server = server;
        }

        void open() {
            try {
                server.connect(target, 10_000);
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
            } catch (IOException serverIsAway) {
                end(Cut.RST);
            }
            lock.lock();
            try {
                opened = true;
                ended.ifPresentOrElse(how -> close(server, how), () -> {
                    carry(client, server, toServer);
                    carry(server, client, toClient);
                });
            } finally {
                lock.unlock();
            }
        }

        private void carry(Socket from, Socket to, Channel channel) {
            BlockingQueue<Chunk> underway = new ArrayBlockingQueue<>(CHUNKS_UNDERWAY);
            threads.add(Thread.ofVirtual().name("fault-proxy-read").start(() -> ending(() -> read(from, underway))));
            threads.add(Thread.ofVirtual().name("fault-proxy-write").start(() -> ending(() -> write(underway, from, to, channel))));
        }

        private void read(Socket from, BlockingQueue<Chunk> underway) throws IOException, InterruptedException {
            byte[] buffer = new byte[CHUNK_BYTES];
            int length;
            do {
                length = from.getInputStream().read(buffer);
                underway.put(new Chunk(Arrays.copyOf(buffer, Math.max(length, 0)), System.nanoTime(), length < 0));
            } while (length >= 0);
        }

        private void write(BlockingQueue<Chunk> underway, Socket from, Socket to, Channel channel)
                throws IOException, InterruptedException {
            Chunk chunk;
            do {
                chunk = underway.take();
                int done = 0;
                do {
                    int allowed = channel.awaitTurn(chunk.arrivedNanos, chunk.bytes.length - done, this::isEnded);
                    // Before they are: who has them finds them counted and recorded.
                    channel.writing(chunk.bytes, done, allowed);
                    to.getOutputStream().write(chunk.bytes, done, allowed);
                    done += allowed;
                } while (done < chunk.bytes.length);
            } while (!chunk.last);
            to.shutdownOutput();
            if (from.isOutputShutdown()) {
                end(Cut.FIN);
            }
        }

        private void ending(Carrier carrier) {
            try {
                carrier.run();
            } catch (IOException | InterruptedException oneSideIsGone) {
                end(Cut.RST);
            }
        }

        boolean isEnded() {
            return ended.isPresent();
        }

        /** The first who ends a connection says how: closing one socket makes the threads on it fail, which is no reset. */
        void end(Cut how) {
            lock.lock();
            try {
                if (ended.isPresent()) {
                    return;
                }
                ended = Optional.of(how);
                connections.remove(this);
                close(client, how);
                if (opened) {
                    close(server, how);
                    threads.forEach(Thread::interrupt);
                }
            } finally {
                lock.unlock();
            }
        }

        private void close(Socket socket, Cut how) {
            switch (how) {
                case RST -> reset(socket);
                case FIN -> finish(socket);
            }
        }

        private void finish(Socket socket) {
            try {
                socket.close();
            } catch (IOException alreadyGone) {
                reset(socket);
            }
        }
    }

    /** The faults of one direction, shared by all connections, and what went through. */
    private static final class Channel {

        private final ReentrantLock lock = new ReentrantLock();
        private final Condition changed = lock.newCondition();
        private long delayNanos;
        private long bytesPerSecond = Long.MAX_VALUE;
        private boolean paused;
        private long nextTurn = System.nanoTime();
        private long carried;
        private boolean recording;
        private final ByteArrayOutputStream record = new ByteArrayOutputStream();

        void delay(Duration delay) {
            locked(() -> delayNanos = delay.toNanos());
        }

        void throttle(long rate) {
            locked(() -> {
                bytesPerSecond = rate;
                nextTurn = System.nanoTime();
            });
        }

        void pause(boolean pause) {
            locked(() -> paused = pause);
        }

        void record() {
            locked(() -> recording = true);
        }

        byte[] recorded() {
            lock.lock();
            try {
                return record.toByteArray();
            } finally {
                lock.unlock();
            }
        }

        long carried() {
            lock.lock();
            try {
                return carried;
            } finally {
                lock.unlock();
            }
        }

        void writing(byte[] bytes, int offset, int length) {
            locked(() -> {
                carried += length;
                if (recording) {
                    record.write(bytes, offset, length);
                }
            });
        }

        /** Waits as the faults of the moment demand; returns how many of {@code wanted} bytes may be written now. */
        int awaitTurn(long arrivedNanos, int wanted, BooleanSupplier ended) throws InterruptedException, SocketException {
            lock.lock();
            try {
                while (true) {
                    if (ended.getAsBoolean()) {
                        throw new SocketException("connection ended");
                    }
                    long now = System.nanoTime();
                    long wait = Math.max(arrivedNanos + delayNanos - now, bytesPerSecond == Long.MAX_VALUE ? 0 : nextTurn - now);
                    if (paused) {
                        changed.await();
                    } else if (wait > 0) {
                        changed.await(wait, TimeUnit.NANOSECONDS);
                    } else {
                        return take(wanted, now);
                    }
                }
            } finally {
                lock.unlock();
            }
        }

        /** Hands out at most 20 ms worth of bytes, so that a slow rate is a steady one. */
        private int take(int wanted, long now) {
            if (bytesPerSecond == Long.MAX_VALUE) {
                return wanted;
            }
            int allowed = (int) Math.min(wanted, Math.max(1, bytesPerSecond / 50));
            nextTurn = Math.max(nextTurn, now) + (long) (allowed * 1e9 / bytesPerSecond);
            return allowed;
        }

        private void locked(Runnable change) {
            lock.lock();
            try {
                change.run();
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }
}
