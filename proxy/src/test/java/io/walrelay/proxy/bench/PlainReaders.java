package io.walrelay.proxy.bench;

import io.walrelay.proxy.bench.Libc.EpollEvents;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A process of many readers without TLS that are as cheap as readers can be: one thread, one epoll, and recv with MSG_TRUNC,
 * which gives the kernel's memory back without copying a byte. It looks at no message; every few seconds it says that it is
 * alive, unasked.
 */
final class PlainReaders {

    private static final long READ_AT_ONCE = 1 << 20;
    private static final int EVENTS = 256;
    private static final long ALIVE_NANOS = Duration.ofSeconds(5).toNanos();

    private PlainReaders() {}

    static void main(String[] arguments) throws InterruptedException {
        ReaderArguments wanted = ReaderArguments.parse(arguments);
        Conductor conductor = new Conductor();
        List<RawSession> sessions = new ArrayList<>();
        int epoll = Libc.epollCreate();
        for (int i = 0; i < wanted.readers(); i++) {
            RawSession session = RawSession.open(wanted.port(), "reader_" + i);
            Libc.epollAdd(epoll, session.socket(), i);
            sessions.add(session);
        }
        conductor.ready();
        long begin = System.nanoTime();
        sessions.forEach(session -> session.start(wanted.from()));
        conductor.started();
        long[] received = drain(wanted, epoll, sessions, conductor);
        long nanos = System.nanoTime() - begin;
        long least = Long.MAX_VALUE;
        long all = 0;
        for (long bytes : received) {
            least = Math.min(least, bytes);
            all += bytes;
        }
        conductor.done(all, least, nanos, "plain");
    }

    private static long[] drain(ReaderArguments wanted, int epoll, List<RawSession> sessions, Conductor conductor) {
        long[] received = new long[sessions.size()];
        byte[] alive = RawSession.aliveAt(wanted.from());
        long nextAlive = System.nanoTime() + ALIVE_NANOS;
        int unfinished = sessions.size();
        MemorySegment events = EpollEvents.allocate(Arena.global(), EVENTS);
        while (unfinished > 0 && !conductor.isStopped()) {
            int ready = Libc.epollWait(epoll, events, 100);
            for (int i = 0; i < ready; i++) {
                int reader = Math.toIntExact(EpollEvents.tag(events, i));
                long bytes = Libc.receive(sessions.get(reader).socket(), MemorySegment.NULL, READ_AT_ONCE, Libc.MSG_TRUNC);
                if (bytes == 0) {
                    throw new IllegalStateException("the server closed the connection of reader %d after %d bytes"
                            .formatted(reader, received[reader]));
                }
                boolean before = received[reader] < wanted.bytes();
                received[reader] += bytes;
                if (before && received[reader] >= wanted.bytes()) {
                    unfinished--;
                }
            }
            if (System.nanoTime() - nextAlive >= 0) {
                sessions.forEach(session -> session.send(alive));
                nextAlive += ALIVE_NANOS;
            }
        }
        return received;
    }
}
