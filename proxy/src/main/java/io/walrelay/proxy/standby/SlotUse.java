package io.walrelay.proxy.standby;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotException;
import io.walrelay.proxy.feedback.Feedback;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.Xmins;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One session's hold on a slot, if it uses one, shared with its sender. Confined to its event loop; never waits for the disk. */
final class SlotUse {

    private static final Logger log = LoggerFactory.getLogger(SlotUse.class);

    private final WalCache cache;
    private final Events events;
    private final Feedback feedback;
    private final Executor blocking;
    private final SessionIdentity identity;
    private final AtomicBoolean saving = new AtomicBoolean();
    private @Nullable String name;

    /** @param blocking where slots are saved */
    SlotUse(WalCache cache, Events events, Feedback feedback, Executor blocking, SessionIdentity identity) {
        this.cache = cache;
        this.events = events;
        this.feedback = feedback;
        this.blocking = blocking;
        this.identity = identity;
    }

    void acquire(String slot, Lsn start) throws SlotException {
        Slot acquired = cache.slots().acquire(slot, identity.pid());
        name = acquired.name();
        warnWhenFedElsewhere(acquired, start);
    }

    private void warnWhenFedElsewhere(Slot acquired, Lsn start) {
        Lsn furthest = acquired.furthestSent();
        // Receivers ask from the start of a segment. The rest of the segment before may be missing: a base backup stops reading its slot
        // where it ends, and the clone goes on behind the switch that ended that segment.
        if (furthest.isValid() && start.isAfter(furthest) && !isNextSegmentAfter(furthest, start)) {
            events.warning(
                    "standby-ahead-of-slot",
                    "standby \"%s\" asks for WAL from %s, but slot \"%s\" was never sent more than %s: it got the rest elsewhere; make sure that it is of the same history"
                            .formatted(identity.shownName(), start, acquired.name(), furthest));
        }
    }

    private boolean isNextSegmentAfter(Lsn furthest, Lsn start) {
        return start.equals(cache.segmentSize().endOf(furthest));
    }

    Optional<String> name() {
        return Optional.ofNullable(name);
    }

    /** The standby begins further back than the slot is, if it does: after a restore from an older backup, for one. */
    void startsAt(Lsn start) {
        String used = name;
        if (used != null && cache.slots().startsAt(used, identity.pid(), start, cache.oldest())) {
            saveSoon();
        }
    }

    void sent(Lsn end) {
        String used = name;
        if (used != null) {
            cache.slots().sent(used, end);
        }
    }

    /** @param flushed as the standby reported it; {@link Lsn#INVALID} when it does not */
    void confirmed(Lsn flushed) {
        String used = name;
        // Past the relay's own end a slot has nothing to hold.
        if (used != null
                && flushed.isValid()
                && cache.slots().confirm(used, identity.pid(), Lsn.min(flushed, cache.end().written()), cache.oldest())) {
            saveSoon();
        }
    }

    /** What the standby wants kept on the primary: its slot keeps that, or else the session for as long as it lasts. */
    void feedback(Xmins xmins) {
        String used = name;
        if (used == null) {
            feedback.heard(identity.pid(), identity.shownName(), xmins);
            return;
        }
        feedback.left(identity.pid());
        if (cache.slots().feedback(used, identity.pid(), xmins)) {
            saveSoon();
        }
    }

    private void saveSoon() {
        if (saving.compareAndSet(false, true)) {
            blocking.execute(() -> {
                saving.set(false);
                try {
                    cache.slots().save();
                } catch (IOException e) {
                    // It stays unsaved; housekeeping tries again in a second and reports.
                    log.debug("could not save the slots", e);
                }
            });
        }
    }

    void release() {
        String used = name;
        if (used != null) {
            name = null;
            cache.slots().release(used, identity.pid());
        }
    }

    /** Lets go of all that the session ever had, temporary slots too. */
    void sessionEnded() {
        name = null;
        feedback.left(identity.pid());
        cache.slots().sessionEnded(identity.pid());
    }
}
