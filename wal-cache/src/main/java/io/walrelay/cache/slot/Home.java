package io.walrelay.cache.slot;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The relay that a slot is at home with: the one from which its standby streams, or did last. Relays beside each other keep one slot on each of them; only
 * the one at home moves by what the standby confirms, the others mirror it.
 *
 * @param moves how often the slot has changed homes: of two relays that both think that they are its home, the one with more is right
 * @param elsewhere the relay that is its home; empty for this one
 */
public record Home(long moves, Optional<Peer> elsewhere) {

    /** That of a slot which was made here. */
    public static final Home HERE = new Home(0, Optional.empty());

    /**
     * Another relay.
     *
     * @param id its slots' ({@link Slots#relayId}): a relay whose data directory was made anew has another one
     * @param url where this relay asks it
     */
    public record Peer(String id, String url) {}

    /** How many of {@code slots} are here because they are at home elsewhere, by where that is asked. */
    public static Map<String, Long> mirrorsByUrl(List<Slot> slots) {
        return slots.stream().flatMap(slot -> slot.home().elsewhere().stream()).collect(Collectors.groupingBy(Peer::url, Collectors.counting()));
    }

    static Home at(Peer peer, long moves) {
        return new Home(moves, Optional.of(peer));
    }

    public boolean isHere() {
        return elsewhere.isEmpty();
    }

    boolean isAt(String relay) {
        return elsewhere.filter(peer -> peer.id().equals(relay)).isPresent();
    }

    /** Its standby streams from here now. */
    Home moved() {
        return isHere() ? this : new Home(moves + 1, Optional.empty());
    }
}
