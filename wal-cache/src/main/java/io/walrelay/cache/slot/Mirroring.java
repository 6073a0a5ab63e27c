package io.walrelay.cache.slot;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What is to be done here so that the slots which are at home with a peer are here, too, not behind it for long and never ahead of it (slotsync.c does
 * that for logical slots). A pure function of a snapshot: of what a peer has said, never of what it has not.
 *
 * <p>Only its home moves a slot: a peer's mirror of anything is no reason to do anything, so two relays that ask each other agree.
 */
public sealed interface Mirroring {

    /** A slot as a peer has it, a persistent one. */
    record Theirs(String name, Lsn restartLsn, boolean active, boolean used, boolean lost, long moves, Optional<String> home) {}

    /** A peer as it has answered. The lineage is the one that its positions are on. */
    record Peer(Home.Peer relay, TimelineHistory lineage, List<Theirs> slots) {
        public Peer {
            slots = List.copyOf(slots);
        }
    }

    /**
     * This relay.
     *
     * @param relay its own id
     * @param flushed end of the WAL that is on its disk
     */
    record Ours(String relay, List<Slot> slots, TimelineHistory lineage, Lsn flushed, Reach reach) {
        public Ours {
            slots = List.copyOf(slots);
        }
    }

    /** The slot is to be made. */
    record Create(Slot made) implements Mirroring {}

    /** The slot mirrors the peer's from now on, or goes on to, and is where that is, if it was not. */
    record Follow(Slot before, Slot after) implements Mirroring {}

    /** Its home has it no more. */
    record Drop(Slot before) implements Mirroring {}

    /** Nobody else is the slot's home any more. */
    record Adopt(Slot before, Slot after) implements Mirroring {}

    /** The peer has a slot that can't be made here yet. */
    record NotMade(String name, String reason) implements Mirroring {}

    /** Whether a crash must not undo it; a position that has moved it may. */
    default boolean changesMoreThanThePosition() {
        return switch (this) {
            case Create _, Drop _, Adopt _ -> true;
            case Follow(var before, var after) -> !before.home().equals(after.home()) || before.lost() != after.lost();
            case NotMade _ -> false;
        };
    }

    /** Whether one of the two lineages is what the other came from. If not, positions here and there are of different histories. */
    static boolean areOneHistory(TimelineHistory ours, TimelineHistory theirs) {
        return ours.descendsFrom(theirs) || theirs.descendsFrom(ours);
    }

    /** @param peer of the same cluster, and of {@link #areOneHistory one history} with this relay */
    static List<Mirroring> decide(Ours ours, Peer peer) {
        Map<String, Theirs> theirs = peer.slots.stream().collect(Collectors.toMap(Theirs::name, Function.identity()));
        Map<String, Slot> own = ours.slots.stream().collect(Collectors.toMap(Slot::name, Function.identity()));
        List<Mirroring> all = new ArrayList<>();
        for (Slot slot : ours.slots) {
            if (!slot.temporary() && slot.activePid().isEmpty()) {
                kept(ours, peer, slot, Optional.ofNullable(theirs.get(slot.name()))).ifPresent(all::add);
            }
        }
        for (Theirs slot : peer.slots) {
            if (!own.containsKey(slot.name())) {
                missing(ours, peer, slot, all).ifPresent(all::add);
            }
        }
        return List.copyOf(all);
    }

    private static Optional<Mirroring> missing(Ours ours, Peer peer, Theirs theirs, List<Mirroring> before) {
        if (!isAtHome(theirs) || theirs.lost || !theirs.restartLsn.isValid()) {
            return Optional.empty();
        }
        Lsn from = within(ours, peer, theirs);
        if (!isHeld(ours, from)) {
            return Optional.of(new NotMade(theirs.name, "it needs WAL from %s on, and this relay has it from %s on".formatted(from, ours.reach.oldestOfAll())));
        }
        if (ours.slots.size() + before.stream().filter(Create.class::isInstance).count() >= Slots.LIMIT) {
            return Optional.of(new NotMade(theirs.name, "this relay keeps %d slots at most".formatted(Slots.LIMIT)));
        }
        return Optional.of(new Create(Slot.mirrored(theirs.name, from, Home.at(peer.relay, theirs.moves))));
    }

    private static Optional<Mirroring> kept(Ours ours, Peer peer, Slot slot, Optional<Theirs> theirs) {
        boolean mirror = slot.home().isAt(peer.relay.id());
        if (theirs.isEmpty() && mirror) {
            return Optional.of(new Drop(slot));
        }
        if (theirs.filter(there -> isAtHome(there) && isItsHome(ours, peer, slot, there)).isPresent()) {
            return follow(ours, peer, slot, theirs.get());
        }
        boolean saysHere = theirs.filter(there -> there.home.equals(Optional.of(ours.relay))).isPresent();
        if (mirror && saysHere) {
            // It was in use here, which a crash has forgotten.
            return Optional.of(new Adopt(slot, slot.withHome(new Home(Math.max(slot.home().moves(), theirs.get().moves), Optional.empty()))));
        }
        boolean replaced = !mirror && slot.home().elsewhere().filter(home -> home.url().equals(peer.relay.url())).isPresent();
        return replaced ? Optional.of(new Adopt(slot, slot.withHome(slot.home().moved()))) : Optional.empty();
    }

    /** A slot that nobody has ever used there has no standby yet, which may come to any relay. */
    private static boolean isAtHome(Theirs theirs) {
        return theirs.home.isEmpty() && (theirs.active || theirs.used);
    }

    /** Whether the peer is right in thinking that it is the slot's home. Nobody uses the slot here. */
    private static boolean isItsHome(Ours ours, Peer peer, Slot slot, Theirs theirs) {
        Home home = slot.home();
        if (theirs.active || home.isAt(peer.relay.id())) {
            return true;
        }
        if (home.isHere()) {
            int later = Long.compare(theirs.moves, home.moves());
            // Made and used on both, it has to be one of them for both.
            return !slot.everUsed() || later > 0 || (later == 0 && peer.relay.id().compareTo(ours.relay) > 0);
        }
        return theirs.moves > home.moves();
    }

    private static Optional<Mirroring> follow(Ours ours, Peer peer, Slot slot, Theirs theirs) {
        Slot at = theirs.restartLsn.isValid() && !theirs.lost ? moved(ours, slot, within(ours, peer, theirs)) : slot;
        Slot after = at.mirroring(Home.at(peer.relay, theirs.moves), theirs.active);
        return after.equals(slot) ? Optional.empty() : Optional.of(new Follow(slot, after));
    }

    /** Forward only; but one that keeps nothing begins anew, where there is WAL for that. */
    private static Slot moved(Ours ours, Slot slot, Lsn to) {
        if (slot.needsWal()) {
            return to.isAfter(slot.restartLsn()) ? slot.withRestart(to) : slot;
        }
        return isHeld(ours, to) ? slot.asReservedFrom(to) : slot;
    }

    /** Where the peer's slot is, but not past what is flushed here, and not past where the two histories part: past that, the same number is another place. */
    private static Lsn within(Ours ours, Peer peer, Theirs theirs) {
        Lsn shared = ours.lineage.forkWith(peer.lineage).map(fork -> Lsn.min(fork, ours.flushed)).orElse(ours.flushed);
        return Lsn.min(theirs.restartLsn, shared);
    }

    private static boolean isHeld(Ours ours, Lsn from) {
        return ours.reach.isOnDisk(from) || ours.reach.isArchived(from);
    }
}
