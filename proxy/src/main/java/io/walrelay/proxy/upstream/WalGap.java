package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.cache.EndOfWal;
import io.walrelay.proxy.upstream.UpstreamDecision.Stop;
import io.walrelay.wal.Lsn;
import java.util.List;
import java.util.Optional;

/**
 * What to do when the host that is followed has removed WAL that we need: take it from another host that has it, else go on with what is
 * left and remember the gap. Never joins over it. Confined to the control thread.
 */
final class WalGap {

    /** The way on. */
    sealed interface Way {
        /** This host still has it. */
        record Elsewhere(HostAddress host) implements Way {}

        /** Nobody has it; WAL goes on at the beginning of this segment. */
        record Skip(Lsn segmentStart) implements Way {}

        /** It can't be skipped within one timeline. */
        record Decide(Stop stop) implements Way {}
    }

    private final WalProbe wal;

    WalGap(WalProbe wal) {
        this.wal = wal;
    }

    /** Empty when nothing can be read from {@code host} at all: time may mend it. */
    Optional<Way> find(HostReport.Reachable host, List<HostReport> others, EndOfWal own) throws UpstreamException, InterruptedException {
        Lsn position = own.written();
        for (HostReport other : others) {
            if (other instanceof HostReport.Reachable there && !there.host().equals(host.host()) && canSend(there, host, own) && has(there, position)) {
                return Optional.of(new Way.Elsewhere(there.host()));
            }
        }
        Optional<Lsn> left = wal.oldest(host.host(), host.history(), host.segmentSize(), host.segmentSize().startOf(position), host.flushed());
        return left.map(at -> host.history().timelineAt(at).equals(own.lineage().timeline())
                ? new Way.Skip(at)
                : new Way.Decide(new Stop(
                        "%s has removed WAL from %s to %s, and timeline %s ended in between; the relay can go on with an empty data folder"
                                .formatted(host.host(), position, at, own.lineage().timeline()),
                        "upstream has removed WAL across a change of timeline",
                        "walrelay serve --data NEW_DIRECTORY")));
    }

    private static boolean canSend(HostReport.Reachable there, HostReport.Reachable host, EndOfWal own) {
        return there.system().equals(host.system())
                && there.history().reaches(own.lineage(), own.written())
                && there.flushed().isAfter(own.written());
    }

    private boolean has(HostReport.Reachable there, Lsn position) throws InterruptedException {
        try {
            return wal.has(there.host(), there.history(), position);
        } catch (UpstreamException e) {
            // One that can't be asked now is one that does not have it now.
            return false;
        }
    }
}
