package io.walrelay.proxy.upstream;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.walrelay.cache.EndOfWal;
import io.walrelay.protocol.replication.FromStandby;
import io.walrelay.protocol.replication.FromStandbyCodec;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.proxy.acknowledge.Acknowledging;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.wal.Lsn;
import java.time.Clock;
import java.util.function.Supplier;

/**
 * Tells upstream how far we are: what {@link Acknowledging} says of {@link EndOfWal#acknowledgeable}. Where the policy waits for nobody apply is
 * never reported, as by pg_receivewal. Confined to the WAL writer thread.
 *
 * <p>While standbys have confirmed less than the slot is at, no flushed position is reported: the slot would move back to it (walsender.c,
 * PhysicalConfirmReceivedLocation), to WAL that upstream may have removed. So it is after a restart, when a policy's standbys are away. The slot's position is not
 * reported in place of theirs, since it need not be one that they have confirmed: a slot that was just made has upstream's last checkpoint.
 */
final class StatusReports {

    private final Channel channel;
    private final Supplier<EndOfWal> end;
    private final Acknowledging acknowledging;
    private final LinkStatus status;
    private final Clock clock;
    private final long everyNanos;
    private final Lsn slot;
    private boolean owed;
    private long last;
    /** Where WAL ended at the last report. */
    private EndOfWal reported;
    private Positions told = Positions.NONE;

    /**
     * @param end where WAL ends, as upstream may be told
     * @param everyNanos the longest time between two reports
     * @param slot where the slot that the stream uses is when that begins; {@link Lsn#INVALID} if that is not known
     */
    StatusReports(
            Channel channel, Supplier<EndOfWal> end, Acknowledging acknowledging, LinkStatus status, Clock clock, long everyNanos, Lsn slot) {
        this.channel = channel;
        this.end = end;
        this.acknowledging = acknowledging;
        this.status = status;
        this.clock = clock;
        this.everyNanos = everyNanos;
        this.last = System.nanoTime();
        this.reported = end.get();
        // One that is ahead of the relay keeps less than that needs.
        this.slot = acknowledging.policy().waitsForStandbys() && slot.isAtMost(reported.flushed()) ? slot : Lsn.INVALID;
    }

    /** What upstream may be told now. */
    private Positions tellable(EndOfWal own) {
        Positions positions = acknowledging.advance(own);
        return positions.flush().isBefore(slot) ? new Positions(positions.write(), Lsn.INVALID, Lsn.INVALID) : positions;
    }

    /** Upstream asked for a report: it is made with the next {@link #settle}. */
    void owe() {
        owed = true;
    }

    /** @param upstreamEnd what upstream has sent, or is about to */
    void settle(Lsn upstreamEnd) {
        if (owed && channel.isWritable()) {
            EndOfWal now = end.get();
            Positions positions = tellable(now);
            if (!isAll(now, positions, upstreamEnd)) {
                send(now, positions, false);
            } else if (positions.flush().equals(now.acknowledgeable())) {
                sendWithoutFlush(now);
            }
            // Else standbys may confirm it any moment: what they have not by the next tick is not waited for.
        }
    }

    /**
     * Whether upstream asks although it was told all that there is to tell, and that is not all that it sent: its WAL ends inside a record, or a standby
     * has not confirmed it. A server that shuts down asks until the flushed position is what it has sent (walsender.c, WalSndDone), and that it may
     * never be. A report without a flushed position acknowledges nothing, to no commit (syncrep.c, SyncRepReleaseWaiters), and moves no slot, and then
     * the written one counts, which is the truth.
     */
    private boolean isAll(EndOfWal now, Positions positions, Lsn upstreamEnd) {
        return now.equals(reported)
                && positions.equals(told)
                && now.flushed().equals(now.written())
                && now.written().isAtLeast(upstreamEnd)
                && positions.flush().isBefore(now.written());
    }

    /** Reports now. To a peer that does not read, later: reports that it asks for must not pile up here. */
    void report(boolean askForSign) {
        if (channel.isWritable()) {
            sendAll(askForSign);
        } else {
            owed = true;
        }
    }

    /** Reports if upstream does not know all yet that it may. */
    void reportNews() {
        if (tellable(end.get()).isAheadOf(told)) {
            report(false);
        }
    }

    void reportIfDue(long now, Lsn upstreamEnd) {
        if (owed && channel.isWritable()) {
            EndOfWal own = end.get();
            Positions positions = tellable(own);
            if (isAll(own, positions, upstreamEnd)) {
                sendWithoutFlush(own);
            } else {
                send(own, positions, false);
            }
        } else if (owed || now - last >= everyNanos) {
            report(false);
        }
    }

    /** The last report of this stream: whether upstream reads or not. */
    void reportLast() {
        sendAll(false);
    }

    private void sendAll(boolean askForSign) {
        EndOfWal now = end.get();
        send(now, tellable(now), askForSign);
    }

    private void send(EndOfWal now, Positions positions, boolean askForSign) {
        told = positions;
        // Before it is sent: from then on upstream may rely on it. What an earlier run told nobody knows, so it is not taken back.
        status.acknowledged(acknowledging.policy().waitsForStandbys() ? Lsn.max(status.acknowledged(), positions.flush()) : positions.flush());
        write(now, positions, askForSign);
    }

    private void sendWithoutFlush(EndOfWal now) {
        write(now, new Positions(now.written(), Lsn.INVALID, Lsn.INVALID), false);
    }

    private void write(EndOfWal now, Positions positions, boolean askForSign) {
        ByteBuf out = channel.alloc().buffer();
        FromStandbyCodec.encode(
                new FromStandby.StandbyStatusUpdate(positions.write(), positions.flush(), positions.apply(), PgTime.of(clock.instant()), askForSign), out);
        var _ = channel.writeAndFlush(out);
        owed = false;
        last = System.nanoTime();
        reported = now;
    }
}
