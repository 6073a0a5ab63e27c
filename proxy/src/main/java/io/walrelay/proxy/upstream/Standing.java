package io.walrelay.proxy.upstream;

import io.walrelay.proxy.upstream.UpstreamDecision.Orphan;
import io.walrelay.proxy.upstream.UpstreamSnapshot.Own;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.Optional;

/**
 * Where a reachable host stands, seen from our own WAL.
 *
 * @param refusal why it can't be followed under any circumstances: another cluster, another segment size
 * @param resume where we would go on; empty in a new data folder
 * @param orphan what of our own WAL is not on its lineage
 * @param older whether its timeline is one that our own lineage has left
 */
record Standing(HostReport.Reachable host, Optional<String> refusal, Optional<Lsn> resume, Optional<Orphan> orphan, boolean older) {

    static Standing of(HostReport.Reachable host, Optional<Own> position) {
        if (position.isEmpty()) {
            return new Standing(host, Optional.empty(), Optional.empty(), Optional.empty(), false);
        }
        Own own = position.get();
        if (!host.system().equals(own.system())) {
            return refused(host, "it has system identifier %s; expected %s, that of the WAL in the data folder".formatted(host.system(), own.system()));
        }
        if (!host.segmentSize().equals(own.segmentSize())) {
            return refused(host, "it has wal_segment_size %s; expected %s, that of the WAL in the data folder".formatted(host.segmentSize(), own.segmentSize()));
        }
        Lsn resume = host.history().forkWith(own.lineage()).map(fork -> Lsn.min(fork, own.written())).orElse(own.written());
        Optional<Orphan> orphan =
                resume.isBefore(own.written()) ? Optional.of(new Orphan(resume, own.acknowledged().isAfter(resume))) : Optional.empty();
        return new Standing(host, Optional.empty(), Optional.of(resume), orphan, isOlder(host.history(), own.lineage()));
    }

    private static Standing refused(HostReport.Reachable host, String why) {
        return new Standing(host, Optional.of(why), Optional.empty(), Optional.empty(), false);
    }

    private static boolean isOlder(TimelineHistory theirs, TimelineHistory own) {
        return own.switchPointOf(theirs.timeline()).isPresent()
                && own.upTo(theirs.timeline()).forkWith(theirs).isEmpty();
    }

    boolean usable() {
        return refusal.isEmpty();
    }

    boolean primary() {
        return !host.inRecovery();
    }

    /** Whether it has less than we do of a lineage that we share: it lags, or it has lost WAL. */
    boolean behind() {
        return resume.map(host.flushed()::isBefore).orElse(false);
    }

    /** Whether following it would orphan whole records that were acknowledged. */
    boolean losesAcknowledged() {
        return orphan.map(Orphan::acknowledgedInside).orElse(false);
    }

    boolean sameLineage(Standing other) {
        return host.history().timeline().equals(other.host.history().timeline())
                && host.history().forkWith(other.host.history()).isEmpty();
    }

    /** {@code timeline 2, which began at 0/3002830}. */
    String timeline() {
        TimelineHistory history = host.history();
        return "timeline " + history.timeline() + (history.ancestors().isEmpty() ? "" : ", which began at " + history.begin());
    }

    /** What to paste for following it. */
    String followCommand() {
        return "walrelay follow " + host.host();
    }
}
