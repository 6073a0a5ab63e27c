package io.walrelay.proxy.feedback;

import io.walrelay.cache.WalCache;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Xmins;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * What each standby said last that it wants kept on the primary. A slot keeps it for its standby ({@link io.walrelay.cache.slot.Slots#feedback}), as long as
 * there is the slot; of a standby without one it is kept here, as long as its session lasts (walsender.c, ProcessStandbyHSFeedbackMessage). Thread-safe, and
 * waits for nothing.
 */
public final class Feedback {

    private final FeedbackLimits limits;
    private final Supplier<Optional<WalCache>> cache;
    private final Map<Integer, Claim> sessions = new ConcurrentHashMap<>();

    public Feedback(FeedbackLimits limits, Supplier<Optional<WalCache>> cache) {
        this.limits = limits;
        this.cache = cache;
    }

    public FeedbackLimits limits() {
        return limits;
    }

    /** Session {@code pid}, which uses no slot, wants this kept. */
    public void heard(int pid, String name, Xmins xmins) {
        if (xmins.isNone()) {
            sessions.remove(pid);
        } else {
            sessions.put(pid, new Claim(new Holder(Holder.Kind.STANDBY, name), xmins));
        }
    }

    /** Session {@code pid} wants nothing any more, or a slot keeps it. */
    public void left(int pid) {
        sessions.remove(pid);
    }

    /** What session {@code pid} wants kept for as long as it lasts (pg_stat_replication.backend_xmin); of one with a slot, nothing. */
    public Xmins ofSession(int pid) {
        return Optional.ofNullable(sessions.get(pid)).map(Claim::xmins).orElse(Xmins.NONE);
    }

    /** What all of that comes to now. */
    public Horizons horizons() {
        Stream<Claim> slots = cache.get().stream()
                .flatMap(held -> held.slots().thatHoldXids().stream())
                .map(slot -> new Claim(new Holder(Holder.Kind.SLOT, slot.name()), slot.xmins()));
        List<Claim> claims = Stream.concat(slots, sessions.values().stream()).toList();
        List<FullTransactionId> newest = claims.stream().map(claim -> newer(claim.xmins())).toList();
        return Horizons.of(claims, cache.get().flatMap(held -> held.nextXid().get(newest)), limits);
    }

    /** A standby has one voice in what time it is. */
    private static FullTransactionId newer(Xmins xmins) {
        return xmins.xmin().isBefore(xmins.catalogXmin()) ? xmins.catalogXmin() : xmins.xmin();
    }
}
