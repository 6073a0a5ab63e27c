package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.wal.Lsn;
import java.time.Clock;

/**
 * Tells upstream how far we are. What is reported as flushed is {@link EndOfWal#acknowledgeable}; apply is never reported, as
 * pg_receivewal. Confined to the WAL writer thread.
 */
final class StatusReports {

    private final Channel channel;
    private final WalCache cache;
    private final LinkStatus status;
    private final Clock clock;
    private final long everyNanos;
    private boolean owed;
    private long last;

    /** @param everyNanos the longest time between two reports */
    StatusReports(Channel channel, WalCache cache, LinkStatus status, Clock clock, long everyNanos) {
        this.channel = channel;
        this.cache = cache;
        this.status = status;
        this.clock = clock;
        this.everyNanos = everyNanos;
        this.last = System.nanoTime();
    }

    /** Upstream asked for a report: it is made with the next {@link #settle}. */
    void owe() {
        owed = true;
    }

    void settle() {
        if (owed) {
            report(false);
        }
    }

    /** Reports now. To a peer that does not read, later: reports that it asks for must not pile up here. */
    void report(boolean askForSign) {
        if (channel.isWritable()) {
            send(askForSign);
        } else {
            owed = true;
        }
    }

    /** Reports if upstream does not know all yet that may be acknowledged. */
    void reportNews() {
        if (cache.end().acknowledgeable().isAfter(status.acknowledged())) {
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
        send(false);
    }

    private void send(boolean askForSign) {
        EndOfWal now = cache.end();
        ByteBuf out = channel.alloc().buffer();
        FromStandbyCodec.encode(
                new FromStandby.StandbyStatusUpdate(now.written(), now.acknowledgeable(), Lsn.INVALID, PgTime.of(clock.instant()), askForSign), out);
        // Before it is sent: from then on upstream may rely on it.
        status.acknowledged(now.acknowledgeable());
        var _ = channel.writeAndFlush(out);
        owed = false;
        last = System.nanoTime();
    }
}
