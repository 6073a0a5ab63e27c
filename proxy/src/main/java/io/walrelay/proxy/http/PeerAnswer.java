package io.walrelay.proxy.http;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Home;
import io.walrelay.cache.slot.Mirroring;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The answer of {@code /api/v1/peer}: what relays beside each other ask for.
 *
 * @param relay whose slots these are; another one once the data directory was made anew
 * @param history the timelines that led to {@code timeline}, from the oldest
 * @param slots the persistent ones
 */
public record PeerAnswer(String relay, String systemId, long timeline, List<Left> history, List<PeerSlot> slots) {

    /** A timeline and where it was left. */
    public record Left(long timeline, String switchPoint) {}

    /**
     * @param restartLsn null while it reserves none
     * @param used whether its standby ever came, to whichever relay
     * @param moves how often it has changed homes
     * @param home the relay from which its standby streams or did last; null for the one that answers
     */
    public record PeerSlot(String name, Optional<String> restartLsn, boolean active, boolean used, boolean lost, long moves, Optional<String> home) {}

    /** @throws IOException when the relay can't say durably who it is */
    static PeerAnswer of(WalCache cache) throws IOException {
        TimelineHistory lineage = cache.end().lineage();
        return new PeerAnswer(
                cache.slots().relayId(),
                cache.system().toString(),
                lineage.timeline().toLong(),
                lineage.ancestors().stream().map(a -> new Left(a.timeline().toLong(), a.switchPoint().toString())).toList(),
                cache.slots().all().stream()
                        .filter(slot -> !slot.temporary())
                        .map(slot -> new PeerSlot(
                                slot.name(),
                                SlotPaths.position(slot.restartLsn()),
                                slot.activePid().isPresent(),
                                slot.everUsed(),
                                slot.lost(),
                                slot.home().moves(),
                                slot.home().elsewhere().map(Home.Peer::id)))
                        .toList());
    }

    /** @throws IllegalArgumentException when it is no number */
    public SystemId system() {
        return SystemId.parse(systemId);
    }

    /**
     * As the rules for slots take it.
     *
     * @param url where it was asked
     * @throws IllegalArgumentException when a position or the history is none
     */
    public Mirroring.Peer asked(String url) {
        List<TimelineHistory.Ancestor> ancestors = history.stream()
                .map(left -> new TimelineHistory.Ancestor(TimelineId.of(left.timeline), Lsn.parse(left.switchPoint), ""))
                .toList();
        List<Mirroring.Theirs> theirs = slots.stream()
                .map(s -> new Mirroring.Theirs(s.name, s.restartLsn.map(Lsn::parse).orElse(Lsn.INVALID), s.active, s.used, s.lost, s.moves, s.home))
                .toList();
        return new Mirroring.Peer(new Home.Peer(relay, url), new TimelineHistory(TimelineId.of(timeline), ancestors), theirs);
    }
}
