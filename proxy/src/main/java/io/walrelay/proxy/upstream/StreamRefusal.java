package io.walrelay.proxy.upstream;

import io.walrelay.cache.Gap;
import io.walrelay.cache.WalCache;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.protocol.message.Diagnostic;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.upstream.FollowOutcome.Again;
import io.walrelay.proxy.upstream.FollowOutcome.Decide;
import io.walrelay.proxy.upstream.FollowOutcome.Instead;
import io.walrelay.proxy.upstream.FollowOutcome.Later;
import io.walrelay.wal.Lsn;
import java.io.IOException;

/** What to do about a host that refuses to stream from where we ask. Confined to the control thread. */
final class StreamRefusal {

    private final RelayState relay;
    private final LinkStatus status;
    private final UpstreamDialer dialer;
    private final SlotKeeper slots;
    private final WalGap gaps;
    private final WalWriterThread writer;
    private final LinkTiming timing;

    /* Where a gap begins that was not accepted yet, and since when that is known. */
    private Lsn gapAt = Lsn.INVALID;
    private long gapSince;

    StreamRefusal(
            RelayState relay, LinkStatus status, UpstreamDialer dialer, SlotKeeper slots, WalGap gaps, WalWriterThread writer, LinkTiming timing) {
        this.relay = relay;
        this.status = status;
        this.dialer = dialer;
        this.slots = slots;
        this.gaps = gaps;
        this.writer = writer;
        this.timing = timing;
    }

    FollowOutcome answer(Diagnostic error, HostProbe probe, UpstreamSnapshot snapshot, WalCache cache) throws IOException, InterruptedException {
        HostReport.Reachable host = probe.report();
        return switch (error.sqlState()) {
            case UpstreamException.UNDEFINED_FILE -> gap(error, host, snapshot, cache);
            case UpstreamException.UNDEFINED_OBJECT -> {
                slots.forget(host.host());
                yield new Later(error.toString());
            }
            case UpstreamException.OBJECT_IN_USE -> new Later(
                    "%s; is it another relay with the same upstream.slot, or an old session that the server has not given up yet?".formatted(error));
            case UpstreamException.WRONG_STATE -> {
                try (UpstreamConnection fresh = dialer.connect(host.host(), SessionKind.PHYSICAL_REPLICATION, writer.group())) {
                    yield slots.renew(fresh, error.toString()) ? new Again() : new Later(error.toString());
                }
            }
            default -> new Later(error.toString());
        };
    }

    private FollowOutcome gap(Diagnostic error, HostReport.Reachable host, UpstreamSnapshot snapshot, WalCache cache)
            throws IOException, InterruptedException {
        Lsn written = cache.end().written();
        if (!written.equals(gapAt)) {
            gapAt = written;
            gapSince = System.nanoTime();
        }
        boolean patient = System.nanoTime() - gapSince < timing.gap().toNanos();
        return switch (gaps.find(host, snapshot.reports(), cache.end(), patient)) {
            case WalGap.Way.Elsewhere(var other) -> {
                relay.events().warning("upstream-note", "%s: %s; it is taken from %s instead".formatted(host.host(), error.message(), other));
                yield new Instead(other);
            }
            case WalGap.Way.Skip(var at) -> {
                Gap gap = writer.call(() -> {
                    Gap skipped = cache.skipTo(at);
                    status.acknowledged(cache.end().acknowledgeable());
                    relay.walAdvanced();
                    return skipped;
                });
                relay.events().error(
                        "wal-gap",
                        "WAL from %s to %s is lost to the relay: no upstream has it any more (%s)".formatted(gap.from(), gap.to(), error.message()));
                yield new Again();
            }
            case WalGap.Way.Decide(var stop) -> new Decide(stop);
            case WalGap.Way.Later(var reason) -> new Later("%s; %s".formatted(error, reason));
        };
    }
}
