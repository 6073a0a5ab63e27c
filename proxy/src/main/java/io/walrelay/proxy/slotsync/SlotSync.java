package io.walrelay.proxy.slotsync;

import io.walrelay.cache.WalCache;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** What is known of slot synchronisation behind the relay: who asked and what was answered, and how upstream's slots were looked at. Thread-safe; no call waits. */
public final class SlotSync {

    /** Slots of which answers are remembered. */
    private static final int REMEMBERED = 1_000;
    private static final Duration RECENT = Duration.ofMinutes(10);

    /** When a slot was asked for last. */
    public record Asked(SlotAnswer answer, Instant at) {}

    /**
     * The last look at upstream's slots.
     *
     * @param problem why they could not be seen
     */
    public record Look(Instant at, Optional<String> problem) {}

    private final WaitsFor waitsFor;
    private final String own;
    private final Map<String, Asked> asked = new TreeMap<>();
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
    private volatile Optional<Look> lastLook = Optional.empty();

    /** @param own the relay's slot upstream */
    public SlotSync(WaitsFor waitsFor, String own) {
        this.own = own;
        this.waitsFor = waitsFor;
    }

    /** {@code listener} is called, on a session's event loop, whenever somebody has asked for one of the relay's slots; it must only wake somebody. */
    public void onQuestion(Runnable listener) {
        listeners.add(listener);
    }

    /**
     * Answers. A name that is no slot's is not remembered, and nobody hears of it: anybody may make one up, and its standby can't stream either, and is told why.
     *
     * @param exists whether the relay has the slot
     * @param news told the answer when it is not the one that was given last
     */
    public SlotAnswer ask(SlotQuestion question, boolean exists, Instant now, Consumer<SlotAnswer> news) {
        SlotAnswer answer = SlotAnswer.to(question, exists, waitsFor);
        if (exists) {
            if (remember(new Asked(answer, now))) {
                news.accept(answer);
            }
            listeners.forEach(Runnable::run);
        }
        return answer;
    }

    /** Returns whether it is another answer than the last. */
    private boolean remember(Asked now) {
        String slot = now.answer().slot();
        synchronized (asked) {
            Asked before = asked.get(slot);
            if (before == null && asked.size() >= REMEMBERED) {
                return false;
            }
            asked.put(slot, now);
            return before == null || !before.answer().equals(now.answer());
        }
    }

    /** The relay's slot upstream. */
    public String own() {
        return own;
    }

    /** Forgets who asked for slots that are not there any more. */
    public void forgetAllBut(Predicate<String> exists) {
        synchronized (asked) {
            asked.keySet().removeIf(exists.negate());
        }
    }

    /** How many are told no: a worker asks every ten seconds, so that one who has not for long asks no more. */
    public long refused(Instant now) {
        Instant from = now.minus(RECENT);
        return asked().stream().filter(it -> !it.answer().granted() && !it.at().isBefore(from)).count();
    }

    /** Whether it matters that upstream's failover slots can be read: somebody synchronises slots, or WAL is kept for some. */
    public boolean isReliedOn(Optional<WalCache> cache) {
        return !asked().isEmpty() || cache.map(held -> !held.failoverSlots().all().isEmpty()).orElse(false);
    }

    /** What was asked since the start, by slot. */
    public List<Asked> asked() {
        synchronized (asked) {
            return List.copyOf(asked.values());
        }
    }

    /** Empty before the first. */
    public Optional<Look> lastLook() {
        return lastLook;
    }

    public void looked(Look look) {
        lastLook = Optional.of(look);
    }
}
