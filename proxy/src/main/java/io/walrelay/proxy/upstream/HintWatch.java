package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.state.Events;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * What the hint said last. It is asked at each look at the hosts, and nobody waits for it: an answer that comes later is news, and has the
 * hosts looked at again. {@link #ask} and {@link #take} are the control thread's, the rest is thread-safe.
 */
final class HintWatch {

    /** An answer from before a longer pause says nothing of now. */
    private static final Duration LONGEST_VALID = Duration.ofMinutes(2);

    /** A hint that changes its mind all the time is looked at with the hosts. */
    private static final Duration BETWEEN_NEWS = Duration.ofSeconds(1);

    private static final String HINT = "upstream-hint";
    private static final Hint NOT_YET = new Hint.Silent("upstream.hint has not answered yet");

    private record Known(Hint hint, long at) {}

    private final Supplier<CompletableFuture<Hint>> query;
    private final Events events;
    private final Runnable wakeup;
    private final AtomicBoolean asking = new AtomicBoolean();
    private final AtomicBoolean news = new AtomicBoolean();
    private volatile Known known = new Known(NOT_YET, System.nanoTime());
    private volatile long lastNews = System.nanoTime() - BETWEEN_NEWS.toNanos();

    /** @param wakeup called when there is news, on any thread */
    HintWatch(Supplier<CompletableFuture<Hint>> query, Events events, Runnable wakeup) {
        this.query = query;
        this.events = events;
        this.wakeup = wakeup;
    }

    /** A look begins. One question at a time. */
    void ask() {
        if (System.nanoTime() - known.at > LONGEST_VALID.toNanos()) {
            known = new Known(NOT_YET, System.nanoTime());
        }
        if (asking.compareAndSet(false, true)) {
            var _ = query.get().thenAccept(this::answered);
        }
    }

    private void answered(Hint hint) {
        Hint before = known.hint;
        long now = System.nanoTime();
        known = new Known(hint, now);
        asking.set(false);
        tell(before, hint);
        if (hint instanceof Hint.Names && !hint.equals(before) && now - lastNews >= BETWEEN_NEWS.toNanos()) {
            lastNews = now;
            news.set(true);
            wakeup.run();
        }
    }

    private void tell(Hint before, Hint now) {
        switch (now) {
            case Hint.Names(var host) when !now.equals(before) -> events.info(HINT, "upstream.hint names %s".formatted(host));
            case Hint.Silent(var reason) when !(before instanceof Hint.Silent) || before.equals(NOT_YET) ->
                events.warning(HINT, "upstream.hint names no host, so no other than the one in use is chosen: " + reason);
            case Hint.Names _, Hint.Silent _, Hint.None _ -> {
                // It is no news.
            }
        }
    }

    Hint known() {
        return known.hint;
    }

    /** What counts for a look at hosts that are over; a host that was not among them remains news. */
    Hint take(Predicate<HostAddress> asked) {
        news.set(false);
        Hint hint = known.hint;
        if (hint.named().filter(host -> !asked.test(host)).isPresent()) {
            news.set(true);
            wakeup.run();
        }
        return hint;
    }

    /** Whether it names another host than it did at the last look. */
    boolean news() {
        return news.get();
    }
}
