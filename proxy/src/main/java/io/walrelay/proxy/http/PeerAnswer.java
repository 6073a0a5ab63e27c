package io.walrelay.proxy.http;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Home;
import io.walrelay.cache.slot.Mirroring;
import io.walrelay.protocol.command.CommandError;
import io.walrelay.protocol.command.SlotName;
import io.walrelay.proxy.auth.ClientText;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The answer of {@code /api/v1/peer}: what relays beside each other ask for.
 *
 * @param relay whose slots these are; another one once the data directory was made anew
 * @param history the timelines that led to {@code timeline}, from the oldest
 * @param slots the persistent ones
 */
public record PeerAnswer(String relay, String systemId, long timeline, List<Left> history, List<PeerSlot> slots) {

    private static final int LONGEST_ID = 64;
    /** More than a slot ever moves, and far from where counting ends. */
    private static final long MOST_MOVES = 1L << 40;

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
     * @throws IllegalArgumentException when a position, a name or the history is none: then nothing of the answer counts
     */
    public Mirroring.Peer asked(String url) {
        check();
        List<TimelineHistory.Ancestor> ancestors = history.stream()
                .map(left -> new TimelineHistory.Ancestor(TimelineId.of(left.timeline), Lsn.parse(left.switchPoint), ""))
                .toList();
        List<Mirroring.Theirs> theirs = slots.stream()
                .map(s -> new Mirroring.Theirs(s.name, s.restartLsn.map(Lsn::parse).orElse(Lsn.INVALID), s.active, s.used, s.lost, s.moves, s.home))
                .toList();
        return new Mirroring.Peer(new Home.Peer(relay, url), new TimelineHistory(TimelineId.of(timeline), ancestors), theirs);
    }

    /** What a peer says becomes slots here and goes into their file. Jackson leaves null what is not there. */
    private void check() {
        if (relay == null || systemId == null || history == null || slots == null) {
            throw new IllegalArgumentException("a null where a value is expected");
        }
        if (relay.isEmpty() || relay.length() > LONGEST_ID) {
            throw new IllegalArgumentException("an id of %d characters; expected 1 to %d".formatted(relay.length(), LONGEST_ID));
        }
        if (history.stream().anyMatch(left -> left == null || left.switchPoint == null)) {
            throw new IllegalArgumentException("a null in the history");
        }
        Set<String> names = new HashSet<>();
        for (PeerSlot slot : slots) {
            if (slot == null || slot.name == null || slot.restartLsn == null || slot.home == null) {
                throw new IllegalArgumentException("a null in the slots");
            }
            if (!names.add(slotName(slot.name))) {
                throw new IllegalArgumentException("slot \"%s\" is there twice".formatted(slot.name));
            }
            if (slot.moves < 0 || slot.moves > MOST_MOVES) {
                throw new IllegalArgumentException("slot \"%s\" has moved %d times; expected 0 to %d".formatted(slot.name, slot.moves, MOST_MOVES));
            }
        }
    }

    private static String slotName(String name) {
        try {
            return new SlotName(name).value();
        } catch (CommandError e) {
            throw new IllegalArgumentException(ClientText.printable(String.valueOf(e.getMessage())), e);
        }
    }
}
