package io.walrelay.proxy.relay;

import io.walrelay.cache.KnownDamage;
import io.walrelay.cache.WalCache;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * With {@code verify: ack} nothing is acknowledged from damaged WAL on, over restarts too: that WAL is the only proof of the damage, and what comes after
 * it is of use only with a base backup. Ends when what was damaged is good, or the relay is started with another {@code verify}. Used by the
 * thread that begins, then by the verifier's.
 */
final class AcknowledgedBefore {

    private final RelayState state;
    private final KnownDamage damage;
    private final Lsn verifyFrom;
    private @Nullable Lsn end;
    /** What an earlier run found, while it is looked at again. */
    private @Nullable Lsn doubtful;

    private AcknowledgedBefore(RelayState state, KnownDamage damage, Lsn verifyFrom) {
        this.state = state;
        this.damage = damage;
        this.verifyFrom = verifyFrom;
    }

    /** @throws IOException when the disk can't be asked for what an earlier run found */
    static AcknowledgedBefore begin(RelayState state, WalCache cache, boolean withheld) throws IOException {
        KnownDamage damage = cache.knownDamage();
        if (!withheld) {
            damage.forget();
            return new AcknowledgedBefore(state, damage, cache.verifyFrom());
        }
        Optional<Lsn> known = damage.load();
        if (known.isEmpty()) {
            return new AcknowledgedBefore(state, damage, cache.verifyFrom());
        }
        Lsn at = known.get();
        Lsn segment = cache.segmentSize().startOf(at);
        boolean held = segment.isAtLeast(cache.oldest());
        AcknowledgedBefore made = new AcknowledgedBefore(state, damage, held ? Lsn.min(segment, cache.verifyFrom()) : cache.verifyFrom());
        made.end = at;
        made.doubtful = held ? at : null;
        state.acknowledgeBefore(known);
        state.setNotReady(Archiving.DAMAGED, "an earlier run found WAL at %s damaged, and nothing from there on is acknowledged. Make a base backup, then start the relay with \"verify: archive\""
                .formatted(at));
        return made;
    }

    /** The beginning of a segment: what an earlier run found is read again. */
    Lsn verifyFrom() {
        return verifyFrom;
    }

    /** Damage at {@code at} lasts. */
    void endAt(Lsn at) {
        doubtful = null;
        if (end == null || at.isBefore(end)) {
            end = at;
        }
        state.acknowledgeBefore(Optional.of(end));
        try {
            damage.remember(end);
        } catch (IOException e) {
            state.events().error(Archiving.DAMAGED, "that WAL is damaged at %s could not be remembered, and is forgotten when the relay is started again: %s".formatted(end, e.getMessage()));
        }
    }

    /** All before {@code upTo} is good or was told of. Returns whether that ends what an earlier run began. */
    boolean verified(Lsn upTo) {
        if (doubtful == null || !upTo.isAfter(doubtful)) {
            return false;
        }
        doubtful = null;
        end = null;
        state.acknowledgeBefore(Optional.empty());
        try {
            damage.forget();
        } catch (IOException e) {
            state.events().warning(Archiving.DAMAGED, "that damaged WAL is good now could not be remembered: %s".formatted(e.getMessage()));
        }
        return true;
    }
}
