package io.walrelay.cache.slot;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A physical replication slot (slot.c, pg_replication_slots).
 *
 * @param restartLsn the oldest WAL its standby may still ask for; {@link Lsn#INVALID} while it reserves none
 * @param savedRestartLsn {@code restartLsn} as a restart of the relay would find it; ahead of it only from where a standby went
 *     back until that is saved
 * @param furthestSent how far WAL was ever sent to its standby. One that asks for more got it elsewhere
 * @param activePid the session that uses it now
 * @param lost whether WAL that it needs was given up (wal_status lost)
 * @param inactiveSince since when this process has seen nobody use it; empty while somebody does, and until it was looked at
 * @param timedOut whether that was for too long, so that no WAL is kept for it. A session that uses it changes that
 * @param xmins what its standby wants kept on the primary, also while it is away
 * @param home the relay from which its standby streams, or did last
 * @param confirmed whether its standby had all before {@code restartLsn} when it last said so; not where the slot was made, advanced by hand or mirrored,
 *     until its standby reports
 */
public record Slot(
        String name,
        boolean temporary,
        Lsn restartLsn,
        Lsn savedRestartLsn,
        Lsn furthestSent,
        OptionalInt activePid,
        boolean lost,
        Optional<Instant> inactiveSince,
        boolean timedOut,
        Xmins xmins,
        Home home,
        boolean confirmed) {

    /** One that nobody has used yet. */
    static Slot made(String name, boolean temporary, Lsn restartLsn, OptionalInt owner) {
        return new Slot(name, temporary, restartLsn, restartLsn, Lsn.INVALID, owner, false, Optional.empty(), false, Xmins.NONE, Home.HERE, false);
    }

    /** One as the file has it; files before version 3 do not say whether a position was confirmed, only whether the slot was streamed from. */
    static Slot saved(String name, Lsn restartLsn, Lsn furthestSent, boolean lost, Xmins xmins) {
        return new Slot(name, false, restartLsn, restartLsn, furthestSent, OptionalInt.empty(), lost, Optional.empty(), false, xmins, Home.HERE, furthestSent.isValid());
    }

    /** One that is kept here in step with its home. */
    static Slot mirrored(String name, Lsn restartLsn, Home home) {
        return made(name, false, restartLsn, OptionalInt.empty()).withHome(home);
    }

    /** Whether it keeps WAL from being freed. */
    public boolean holds() {
        return needsWal() && !timedOut;
    }

    /** Whether its standby may ask for WAL, whether that is kept for it or not. */
    public boolean needsWal() {
        return !lost && restartLsn.isValid();
    }

    /** Whether it keeps rows from being removed on the primary: a slot that is lost or let go does so no more (slot.c, ReplicationSlotsComputeRequiredXmin). */
    public boolean holdsXids() {
        return !lost && !timedOut && !xmins.isNone();
    }

    /** Whether the slots' file says the same of both. */
    boolean isInFileAs(Slot other) {
        return restartLsn.equals(other.restartLsn)
                && furthestSent.equals(other.furthestSent)
                && lost == other.lost
                && xmins.equals(other.xmins)
                && home.equals(other.home)
                && confirmed == other.confirmed;
    }

    /** Whether a standby ever came for it, to this relay or to another. */
    public boolean everUsed() {
        return furthestSent.isValid() || activePid.isPresent() || home.moves() > 0;
    }

    /** The oldest WAL that it keeps: what a restart of the relay would find it to need, if that is older. */
    public Lsn reservedFrom() {
        boolean savedIsOlder = !temporary && savedRestartLsn.isValid() && savedRestartLsn.isBefore(restartLsn);
        return savedIsOlder ? savedRestartLsn : restartLsn;
    }

    Slot withRestart(Lsn lsn) {
        return new Slot(name, temporary, lsn, savedRestartLsn, furthestSent, activePid, lost, inactiveSince, timedOut, xmins, home, confirmed);
    }

    Slot withConfirmed(boolean byStandby) {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, furthestSent, activePid, lost, inactiveSince, timedOut, xmins, home, byStandby);
    }

    Slot withSaved(Lsn lsn) {
        return new Slot(name, temporary, restartLsn, lsn, furthestSent, activePid, lost, inactiveSince, timedOut, xmins, home, confirmed);
    }

    Slot withFurthestSent(Lsn lsn) {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, lsn, activePid, lost, inactiveSince, timedOut, xmins, home, confirmed);
    }

    Slot usedBy(OptionalInt pid) {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, furthestSent, pid, lost, Optional.empty(), false, xmins, pid.isPresent() ? home.moved() : home, confirmed);
    }

    Slot withXmins(Xmins kept) {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, furthestSent, activePid, lost, inactiveSince, timedOut, kept, home, confirmed);
    }

    Slot withHome(Home relay) {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, furthestSent, activePid, lost, inactiveSince, timedOut, xmins, relay, confirmed);
    }

    /** One that kept nothing keeps WAL from there on. */
    Slot asReservedFrom(Lsn lsn) {
        return new Slot(name, temporary, lsn, lsn, furthestSent, activePid, false, inactiveSince, false, xmins, home, false);
    }

    /**
     * In step with its home: what was sent to its standby, what that has confirmed, and what that wants kept on the primary, is known there.
     *
     * @param used whether its standby is there now; then it is not inactive here either
     */
    Slot mirroring(Home relay, boolean used) {
        return new Slot(
                name, temporary, restartLsn, savedRestartLsn, Lsn.INVALID, activePid, lost, used ? Optional.empty() : inactiveSince, !used && timedOut, Xmins.NONE, relay, false);
    }

    Slot asLost() {
        return new Slot(name, temporary, restartLsn, savedRestartLsn, furthestSent, activePid, true, inactiveSince, timedOut, xmins, home, confirmed);
    }

    /** As it is seen at {@code now}: whether somebody uses it, and if not, since when and whether that is too long. */
    Slot seen(Instant now, SlotLimits limits) {
        if (activePid.isPresent()) {
            return this;
        }
        Instant since = inactiveSince.orElse(now);
        boolean late = needsWal() && limits.isOver(since, now);
        return new Slot(name, temporary, restartLsn, savedRestartLsn, furthestSent, activePid, lost, Optional.of(since), late, xmins, home, confirmed);
    }
}
