package io.walrelay.proxy.state;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** What passes through the relay between clients and upstream. Thread-safe. */
public final class ForwardedTraffic {

    private final AtomicInteger sessions = new AtomicInteger();
    private final LongAdder toUpstream = new LongAdder();
    private final LongAdder fromUpstream = new LongAdder();

    /** One more session upstream. Paid back by {@link #ended}. */
    public void began() {
        sessions.incrementAndGet();
    }

    public void ended() {
        sessions.decrementAndGet();
    }

    public void toUpstream(long bytes) {
        toUpstream.add(bytes);
    }

    public void fromUpstream(long bytes) {
        fromUpstream.add(bytes);
    }

    /** Sessions that clients have upstream now. */
    public int sessions() {
        return sessions.get();
    }

    /** Bytes since the start, without logins. */
    public long toUpstreamBytes() {
        return toUpstream.sum();
    }

    /** Bytes since the start, without logins. */
    public long fromUpstreamBytes() {
        return fromUpstream.sum();
    }
}
