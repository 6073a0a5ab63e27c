package io.walrelay.proxy.standby;

import io.netty.channel.EventLoop;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.proxy.forward.CancelKeys;
import io.walrelay.proxy.forward.UpstreamAccess;
import io.walrelay.proxy.state.RelayState;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** What all connections of one {@link StandbyServer} share. Thread-safe. */
final class ServerContext {

    private final RelayState state;
    private final StandbyLimits limits;
    private final AtomicReference<Entrance> entrance;
    private final UpstreamAccess upstream;
    private final CancelKeys cancelKeys = new CancelKeys();
    private final Executor blocking;
    private final Executor console;
    private final Map<EventLoop, Pacer> pacers;
    private final Set<ServerSession> sessions = ConcurrentHashMap.newKeySet();
    private final AtomicInteger connections = new AtomicInteger();
    /** From a random number on, so that relays that share an address hardly ever give the same to two sessions. */
    private final AtomicInteger lastPid = new AtomicInteger(ThreadLocalRandom.current().nextInt(1, 1 << 30));
    private final AtomicBoolean stopping = new AtomicBoolean();
    private final Repeats repeats;

    ServerContext(
            RelayState state,
            StandbyLimits limits,
            Entrance entrance,
            UpstreamAccess upstream,
            Executor blocking,
            Executor console,
            Map<EventLoop, Pacer> pacers) {
        this.state = state;
        this.limits = limits;
        this.entrance = new AtomicReference<>(entrance);
        this.upstream = upstream;
        this.blocking = blocking;
        this.console = console;
        this.pacers = pacers;
        this.repeats = new Repeats(state.clock());
    }

    RelayState state() {
        return state;
    }

    StandbyLimits limits() {
        return limits;
    }

    /** For a connection that begins now; it keeps to what it began with. */
    Entrance entrance() {
        return entrance.get();
    }

    /** For connections from now on. */
    void letInBy(Entrance other) {
        entrance.set(other);
    }

    /** Where sessions and commands go that are not the relay's own. */
    UpstreamAccess upstream() {
        return upstream;
    }

    CancelKeys cancelKeys() {
        return cancelKeys;
    }

    /** For commands that wait for the disk, but the console's, and for look-ups in the system. */
    Executor blocking() {
        return blocking;
    }

    /** For the statements of the console: as many threads as statements may be at work, whoever sends them. */
    Executor console() {
        return console;
    }

    Pacer pacer(EventLoop loop) {
        Pacer pacer = pacers.get(loop);
        if (pacer == null) {
            throw new IllegalStateException("an event loop of another server");
        }
        return pacer;
    }

    int nextPid() {
        return lastPid.updateAndGet(pid -> pid == Integer.MAX_VALUE ? 1 : pid + 1);
    }

    /** Whether one more connection may begin its handshake. PostgreSQL allows twice as many as there may be sessions, too. */
    boolean tryConnect() {
        if (connections.incrementAndGet() > 2L * limits.maxSessions()) {
            connections.decrementAndGet();
            return false;
        }
        return true;
    }

    void disconnected() {
        connections.decrementAndGet();
    }

    /** Whether one more session of {@code kind} may log in. Each success is paid back by {@link #leave}. */
    boolean tryAdmit(SessionKind kind) {
        return state.admitted().tryEnter(kind == SessionKind.PHYSICAL_REPLICATION, limits.maxSessions(kind));
    }

    void leave(SessionKind kind) {
        state.admitted().leave(kind == SessionKind.PHYSICAL_REPLICATION);
    }

    /** Of the log lines of sessions. */
    Repeats repeats() {
        return repeats;
    }

    Set<ServerSession> sessions() {
        return sessions;
    }

    boolean isStopping() {
        return stopping.get();
    }

    /** False when it was stopping already. */
    boolean stopping() {
        return stopping.compareAndSet(false, true);
    }
}
