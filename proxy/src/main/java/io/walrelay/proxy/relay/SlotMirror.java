package io.walrelay.proxy.relay;

import io.walrelay.cache.FailoverSlots;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.background.BackgroundThread;
import io.walrelay.cache.slot.FailoverSlot;
import io.walrelay.proxy.conninfo.Conninfo;
import io.walrelay.proxy.slotsync.FailoverUpdate;
import io.walrelay.proxy.slotsync.Nap;
import io.walrelay.proxy.slotsync.SlotSync;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows upstream's failover slots, so that the WAL that they need is kept. One thread of its own, which waits for upstream and for nobody else. Where the
 * relay's role may not use SQL and nobody synchronises slots, it asks once and is quiet.
 */
final class SlotMirror implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(SlotMirror.class);

    private static final String SLOT_SYNC = "slot-sync";
    /** The first version whose slots can be synchronised. */
    private static final int FIRST_VERSION = 170_000;

    private static final Duration UNTIL_WOKEN = Duration.ofDays(1);
    private static final Duration TO_END = Duration.ofSeconds(2);

    private enum Outcome {
        /** There is nobody to ask. */
        NOBODY,
        FAILED,
        SAME,
        MOVED
    }

    private final RelayState state;
    private final Conninfo upstream;
    private final BackgroundThread thread = new BackgroundThread("slot-mirror", this::work);
    private final Semaphore wake = new Semaphore(0);
    private volatile boolean closed;
    private @Nullable FailoverSlotQuery query;
    /** When upstream, which is there, could not be asked for the first time since it could. */
    private @Nullable Instant unreadSince;

    SlotMirror(RelayState state, Conninfo upstream) {
        this.state = state;
        this.upstream = upstream;
    }

    void start() {
        state.onUpstream(_ -> wake.release());
        state.slotSync().onQuestion(wake::release);
        thread.start();
    }

    private void work() throws InterruptedException {
        try {
            Duration nap = Nap.SHORTEST;
            while (!closed) {
                Outcome outcome = look();
                boolean quiet = outcome == Outcome.NOBODY || outcome == Outcome.FAILED && !isWanted();
                nap = Nap.after(nap, outcome == Outcome.MOVED);
                // However often it is woken: any standby may do so as often as it likes.
                thread.rest(Nap.SHORTEST);
                if (wake.tryAcquire((quiet ? UNTIL_WOKEN : nap.minus(Nap.SHORTEST)).toMillis(), TimeUnit.MILLISECONDS)) {
                    wake.drainPermits();
                    nap = Nap.SHORTEST;
                }
            }
        } finally {
            leave();
        }
    }

    private boolean isWanted() {
        return state.slotSync().isReliedOn(state.cache());
    }

    private Outcome look() {
        Optional<String> host = state.upstream().streamingFrom();
        Optional<WalCache> cache = state.cache();
        if (host.isEmpty() || cache.isEmpty()) {
            leave();
            unreadSince = null;
            return Outcome.NOBODY;
        }
        try {
            if (version() < FIRST_VERSION) {
                leave();
                return Outcome.NOBODY;
            }
            List<FailoverSlot> theirs = on(host.get()).ask(cache.get().system());
            looked(host.get(), state.clock().instant(), Optional.empty());
            unreadSince = null;
            return see(cache.get(), host.get(), theirs) ? Outcome.MOVED : Outcome.SAME;
        } catch (IOException e) {
            return failed(cache.get(), host.get(), String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            log.warn("could not look at the failover slots of {}", host.get(), e);
            leave();
            return failed(cache.get(), host.get(), e.toString());
        }
    }

    private Outcome failed(WalCache cache, String host, String why) {
        Instant now = state.clock().instant();
        giveUp(cache, now);
        looked(host, now, Optional.of("%s: %s".formatted(host, why)));
        return Outcome.FAILED;
    }

    private int version() {
        return state.facts().map(facts -> Integer.parseInt(facts.settings().getOrDefault("server_version_num", "0"))).orElse(0);
    }

    private FailoverSlotQuery on(String host) throws IOException {
        FailoverSlotQuery open = query;
        if (open != null && open.host().equals(host)) {
            return open;
        }
        leave();
        FailoverSlotQuery opened = FailoverSlotQuery.of(upstream, host);
        query = opened;
        return opened;
    }

    private void leave() {
        FailoverSlotQuery open = query;
        query = null;
        if (open != null) {
            open.close();
        }
    }

    /** Remembers how it went, and says so when somebody relies on it. */
    private void looked(String host, Instant now, Optional<String> problem) {
        Optional<String> before = state.slotSync().lastLook().flatMap(SlotSync.Look::problem);
        state.slotSync().looked(new SlotSync.Look(now, problem));
        if (problem.equals(before)) {
            return;
        }
        if (problem.isEmpty()) {
            state.events().info(SLOT_SYNC, "the failover slots of %s are read again".formatted(host));
        } else if (isWanted()) {
            state.events().warning(
                    SLOT_SYNC,
                    "upstream's failover slots can't be read, so WAL that they need from now on may go: %s. The relay's role needs a line in pg_hba.conf there for the database of upstream.conninfo"
                            .formatted(problem.get()));
        } else {
            log.debug("upstream's failover slots can't be read: {}", problem.get());
        }
    }

    /** They may be gone there, so WAL is not kept for them for ever: as long as for a slot that nobody uses. */
    private void giveUp(WalCache cache, Instant now) {
        Instant since = unreadSince == null ? now : unreadSince;
        unreadSince = since;
        List<String> gone = cache.reservations().timeOutFailoverSlots(since, now);
        if (!gone.isEmpty()) {
            state.events().warning(
                    SLOT_SYNC,
                    "upstream's failover slots could not be read for slots.inactive-timeout, so WAL is kept for %s no longer. It is again when they can be read"
                            .formatted(gone.stream().map("\"%s\""::formatted).collect(Collectors.joining(", "))));
        }
    }

    /** Returns whether anything is other than before. */
    private boolean see(WalCache cache, String host, List<FailoverSlot> theirs) {
        Optional<FailoverSlots.Seen> before = cache.failoverSlots().seen();
        FailoverUpdate next = FailoverUpdate.of(before, cache.end().lineage(), theirs);
        if (!next.moved(before)) {
            return false;
        }
        cache.failoverSlots().see(next.now());
        next.created().forEach(slot -> state.events().info(
                SLOT_SYNC,
                "WAL from %s on is kept for failover slot \"%s\" of %s".formatted(next.now().find(slot).map(it -> it.restartLsn().toString()).orElse("nowhere"), slot, host)));
        next.dropped().forEach(slot -> state.events().info(SLOT_SYNC, "%s has no failover slot \"%s\" any more; no WAL is kept for it".formatted(host, slot)));
        return true;
    }

    /** A question that upstream has not answered is not waited for long; its connection ends with the process. */
    @Override
    public void close() {
        closed = true;
        wake.release();
        thread.close(TO_END);
    }
}
