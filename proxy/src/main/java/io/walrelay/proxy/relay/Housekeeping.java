package io.walrelay.proxy.relay;

import io.walrelay.cache.WalCache;
import io.walrelay.cache.retention.Retention;
import io.walrelay.cache.slot.Slot;
import io.walrelay.proxy.state.RelayState;
import java.io.IOException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * What is done every few seconds and nobody waits for: WAL that may go is freed, slot positions are saved. One thread of its
 * own, so that a slow disk delays nothing else.
 */
final class Housekeeping implements AutoCloseable {

    private static final String DISK = "disk";

    private final RelayState state;
    private final FeedbackWatch feedback;
    private final Consumer<Boolean> holdUpstream;
    private final ScheduledExecutorService worker =
            Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().name("housekeeping").daemon().factory());
    private boolean holding;
    private boolean passedOver;

    /** @param holdUpstream told whether there is room for more WAL; true means: do not read */
    Housekeeping(RelayState state, Consumer<Boolean> holdUpstream) {
        this.state = state;
        this.feedback = new FeedbackWatch(state.feedback().limits(), state.events());
        this.holdUpstream = holdUpstream;
    }

    void start() {
        worker.scheduleWithFixedDelay(this::round, 1, 1, TimeUnit.SECONDS);
    }

    private void round() {
        state.cache().ifPresent(cache -> {
            try {
                letGo(cache);
                feedback.look(state.feedback().horizons());
                free(cache);
                state.clearNotReady("housekeeping");
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                // Tried again in a second; said once, not every time. Memory for files is direct memory, whose end ends no process.
                if (!state.notReady().containsKey("housekeeping")) {
                    state.events().error("housekeeping", "could not free WAL or save slots: " + e.getMessage());
                }
                state.setNotReady("housekeeping", String.valueOf(e.getMessage()));
            }
        });
    }

    private void letGo(WalCache cache) {
        state.slotSync().forgetAllBut(slot -> cache.slots().find(slot).isPresent());
        for (Slot slot : cache.reservations().timeOut(state.clock().instant())) {
            state.events().warning(
                    "slot-inactive",
                    "nobody used slot \"%s\" for slots.inactive-timeout, so WAL from %s on is kept for it no longer. Drop it if nobody needs it: walrelay slot drop %s. If its standby comes before that WAL is gone, it goes on"
                            .formatted(slot.name(), slot.restartLsn(), slot.name()));
        }
    }

    /** Slots are saved first, whether there is anything to free or not. */
    private void free(WalCache cache) throws IOException {
        Retention.Decision decision = cache.retain(state.clock().instant());
        for (String slot : decision.lost()) {
            state.events().error("slot-lost", "slot \"%s\" lost its WAL: it held more than it may or there is room for, or nobody used it for too long, and no archive has it. Its standby needs a new base backup or WAL from an archive; drop the slot if nobody uses it".formatted(slot));
        }
        boolean over = decision.overLimit() > 0 && !decision.hold();
        if (over && !passedOver) {
            state.events().warning("disk-over-limit", "cache.disk is passed by %d MB: nothing more may be freed. Raise it, or accept orphaned WAL that is kept as evidence"
                    .formatted((decision.overLimit() >> 20) + 1));
        }
        passedOver = over;
        if (decision.hold() != holding) {
            holding = decision.hold();
            holdUpstream.accept(holding);
            if (holding) {
                state.setNotReady(DISK, "the relay's disk is full and nothing may be freed");
                state.events().error("disk-full", "the relay's disk limit is reached and nothing may be freed: upstream is not read until there is room");
            } else {
                state.clearNotReady(DISK);
                state.events().info("disk-room", "there is room on the relay's disk again");
            }
        }
    }

    @Override
    public void close() {
        worker.close();
    }
}
