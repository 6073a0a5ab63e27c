package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.walrelay.cache.EndOfWal;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.Lsn;
import java.time.Clock;
import java.util.function.Supplier;

/**
 * Tells upstream how far we are. What is reported as flushed is {@link EndOfWal#acknowledgeable}; apply is never reported, as
 * pg_receivewal. Confined to the WAL writer thread.
 */
final class StatusReports {

    private final Channel channel;
    private final Supplier<EndOfWal> end;
    private final LinkStatus status;
    private final Clock clock;
    private final long everyNanos;
    private boolean owed;
    private long last;
    /** Where WAL ended at the last report. */
    private EndOfWal reported;

    /**
     * @param end where WAL ends, as upstream may be told
     * @param everyNanos the longest time between two reports
     */
    StatusReports(Channel channel, Supplier<EndOfWal> end, LinkStatus status, Clock clock, long everyNanos) {
        this.channel = channel;
        this.end = end;
        this.status = status;
        this.clock = clock;
        this.everyNanos = everyNanos;
        this.last = System.nanoTime();
        this.reported = end.get();
    }

    /** Upstream asked for a report: it is made with the next {@link #settle}. */
    void owe() {
        owed = true;
    }

    /** @param upstreamEnd what upstream has sent, or is about to */
    void settle(Lsn upstreamEnd) {
        if (owed && channel.isWritable()) {
            EndOfWal now = end.get();
            send(now, isAll(now, upstreamEnd) ? Lsn.INVALID : now.acknowledgeable(), false);
        }
    }

    /**
     * Whether upstream asks although it was told all that there is to tell, and its WAL ends inside a record. A server that shuts down does
     * so until the flushed position is what it has sent (walsender.c, WalSndDone), and of half a record it never will be. A report
     * without a flushed position acknowledges nothing and moves no slot, and then the written one counts, which is the truth.
     */
    private boolean isAll(EndOfWal now, Lsn upstreamEnd) {
        return now.equals(reported)
                && now.flushed().equals(now.written())
                && now.written().isAtLeast(upstreamEnd)
                && now.acknowledgeable().isBefore(now.written());
    }

    /** Reports now. To a peer that does not read, later: reports that it asks for must not pile up here. */
    void report(boolean askForSign) {
        if (channel.isWritable()) {
            sendAll(askForSign);
        } else {
            owed = true;
        }
    }

    /** Reports if upstream does not know all yet that may be acknowledged. */
    void reportNews() {
        if (end.get().acknowledgeable().isAfter(status.acknowledged())) {
            report(false);
        }
    }

    void reportIfDue(long now) {
        if (owed || now - last >= everyNanos) {
            report(false);
        }
    }

    /** The last report of this stream: whether upstream reads or not. */
    void reportLast() {
        sendAll(false);
    }

    private void sendAll(boolean askForSign) {
        EndOfWal now = end.get();
        send(now, now.acknowledgeable(), askForSign);
    }

    private void send(EndOfWal now, Lsn flushed, boolean askForSign) {
        ByteBuf out = channel.alloc().buffer();
        FromStandbyCodec.encode(
                new FromStandby.StandbyStatusUpdate(now.written(), flushed, Lsn.INVALID, PgTime.of(clock.instant()), askForSign), out);
        // Before it is sent: from then on upstream may rely on it.
        status.acknowledged(now.acknowledgeable());
        var _ = channel.writeAndFlush(out);
        owed = false;
        last = System.nanoTime();
        reported = now;
    }
}
