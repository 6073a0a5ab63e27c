package io.walrelay.proxy.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The calls of Linux (x86-64) that readers and measurements need and the JDK does not have: recv with MSG_TRUNC drops what has arrived
 * instead of copying it. Every method throws {@link Failure} where C returns -1. Thread-safe: errno is kept per thread.
 */
final class Libc {

    /** Drop the bytes instead of copying them (tcp(7)). */
    static final int MSG_TRUNC = 0x20;

    /** Wait until all that was asked for is there. */
    static final int MSG_WAITALL = 0x100;

    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int AF_INET = 2;
    private static final int SOCK_STREAM = 1;
    private static final int SOCKET_ADDRESS_BYTES = 16;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CALL_STATE.varHandle(PathElement.groupElement("errno"));
    private static final ThreadLocal<MemorySegment> STATE =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CALL_STATE));

    private static final MethodHandle SOCKET = find("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle CONNECT = find("connect", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle SEND =
            find("send", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle RECV =
            find("recv", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle SHUTDOWN = find("shutdown", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle CLOSE = find("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle EPOLL_CREATE = find("epoll_create1", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle EPOLL_CTL =
            find("epoll_ctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle EPOLL_WAIT =
            find("epoll_wait", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));

    private static final MethodHandle GETRUSAGE = find("getrusage", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
    private static final int RUSAGE_CHILDREN = -1;
    private static final int RUSAGE_BYTES = 144;

    private Libc() {}

    /** A call returned -1. */
    static final class Failure extends RuntimeException {
        private static final long serialVersionUID = 1;

        Failure(String call, int errno) {
            super("%s failed with errno %d".formatted(call, errno));
        }
    }

    /** A connection to 127.0.0.1. */
    static int connect(int port) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocate(SOCKET_ADDRESS_BYTES);
            address.set(JAVA_SHORT, 0, (short) AF_INET);
            byte[] portAndHost = {(byte) (port >> 8), (byte) port, 127, 0, 0, 1};
            MemorySegment.copy(portAndHost, 0, address, JAVA_BYTE, 2, portAndHost.length);
            int socket = check("socket", (int) SOCKET.invokeExact(STATE.get(), AF_INET, SOCK_STREAM, 0));
            check("connect to port " + port, (int) CONNECT.invokeExact(STATE.get(), socket, address, SOCKET_ADDRESS_BYTES));
            return socket;
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Sends all of {@code bytes}: for short messages on a blocking socket. */
    static void send(int socket, byte[] bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocateFrom(JAVA_BYTE, bytes);
            long sent = (long) SEND.invokeExact(STATE.get(), socket, copy, (long) bytes.length, MSG_NOSIGNAL);
            if (check("send", sent) != bytes.length) {
                throw new IllegalStateException("sent %d bytes of %d".formatted(sent, bytes.length));
            }
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** How many bytes came, 0 at the end of the stream. */
    static long receive(int socket, MemorySegment into, long length, int flags) {
        try {
            return check("recv", (long) RECV.invokeExact(STATE.get(), socket, into, length, flags));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Ends both directions, which wakes whoever waits in {@link #receive}. */
    static void shutdown(int socket) {
        try {
            check("shutdown", (int) SHUTDOWN.invokeExact(STATE.get(), socket, 2));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    static void close(int descriptor) {
        try {
            check("close", (int) CLOSE.invokeExact(STATE.get(), descriptor));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    static int epollCreate() {
        try {
            return check("epoll_create1", (int) EPOLL_CREATE.invokeExact(STATE.get(), 0));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Watches {@code socket} for input, level-triggered; {@code tag} comes back in the events. */
    static void epollAdd(int epoll, int socket, long tag) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment event = EpollEvents.allocate(arena, 1);
            EpollEvents.setInput(event, tag);
            check("epoll_ctl", (int) EPOLL_CTL.invokeExact(STATE.get(), epoll, 1, socket, event));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** The processor's time that all children have used that were waited for, in user and kernel mode. */
    static long childrenMicros() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment usage = arena.allocate(RUSAGE_BYTES, Long.BYTES);
            check("getrusage", (int) GETRUSAGE.invokeExact(STATE.get(), RUSAGE_CHILDREN, usage));
            long seconds = usage.get(JAVA_LONG, 0) + usage.get(JAVA_LONG, 16);
            return seconds * 1_000_000 + usage.get(JAVA_LONG, 8) + usage.get(JAVA_LONG, 24);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** How many of {@code events} were filled within {@code millis}. */
    static int epollWait(int epoll, MemorySegment events, int millis) {
        try {
            return check("epoll_wait", (int) EPOLL_WAIT.invokeExact(STATE.get(), epoll, events, EpollEvents.count(events), millis));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    // Foreign functions are restricted because a wrong description crashes the process; these are described as in their manual pages.
    @SuppressWarnings("restricted")
    private static MethodHandle find(String name, FunctionDescriptor descriptor) {
        MemorySegment function = LINKER.defaultLookup().find(name).orElseThrow(() -> new IllegalStateException("no " + name + " in libc"));
        return LINKER.downcallHandle(function, descriptor, Linker.Option.captureCallState("errno"));
    }

    private static int check(String call, int result) {
        return Math.toIntExact(check(call, (long) result));
    }

    private static long check(String call, long result) {
        if (result == -1) {
            throw new Failure(call, (int) ERRNO.get(STATE.get(), 0L));
        }
        return result;
    }

    private static RuntimeException rethrown(Throwable e) {
        return switch (e) {
            case RuntimeException unchecked -> unchecked;
            case Error error -> throw error;
            case Throwable checked -> new IllegalStateException("a call of libc threw", checked);
        };
    }

    /** {@code struct epoll_event} as x86-64 packs it: | events 4 | tag 8 |. */
    static final class EpollEvents {

        private static final int BYTES = 12;
        private static final int EPOLLIN = 1;

        private EpollEvents() {}

        static MemorySegment allocate(Arena arena, int count) {
            return arena.allocate((long) BYTES * count, Integer.BYTES);
        }

        static int count(MemorySegment events) {
            return Math.toIntExact(events.byteSize() / BYTES);
        }

        static void setInput(MemorySegment event, long tag) {
            event.set(JAVA_INT, 0, EPOLLIN);
            event.set(JAVA_LONG_UNALIGNED, Integer.BYTES, tag);
        }

        static long tag(MemorySegment events, int i) {
            return events.get(JAVA_LONG_UNALIGNED, (long) i * BYTES + Integer.BYTES);
        }
    }
}
