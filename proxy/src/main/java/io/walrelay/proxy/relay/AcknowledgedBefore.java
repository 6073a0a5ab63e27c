package io.walrelay.proxy.relay;

import io.walrelay.cache.KnownDamage;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.WalVerifier;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * With {@code verify: ack} nothing is acknowledged from damaged WAL on, over restarts too: that WAL is the only proof of the damage, and what comes after
 * it is of use only with a base backup. Ends when what was damaged was read again and is good, when the history that is followed has it not, or when the
 * relay is started with another {@code verify}. Used by the thread that begins, then by the verifier's.
 */
final class AcknowledgedBefore {

    private final RelayState state;
    private final KnownDamage damage;
    private final SegmentSize size;
    private KnownDamage.@Nullable Place place;
    /** Where WAL ended when what earlier runs found could not be read: it may be anything before. */
    private @Nullable Lsn unknown;

    private AcknowledgedBefore(RelayState state, WalCache cache) {
        this.state = state;
        this.damage = cache.knownDamage();
        this.size = cache.segmentSize();
    }

    /**
     * What an earlier run found holds from now on.
     *
     * @throws IOException when nothing is to be withheld, and the disk can't be told
     */
    static AcknowledgedBefore begin(RelayState state, WalCache cache, boolean withheld) throws IOException {
        AcknowledgedBefore made = new AcknowledgedBefore(state, cache);
        if (withheld) {
            made.recall(cache.end().acknowledgeable());
        } else {
            made.damage.forget();
        }
        return made;
    }

    private void recall(Lsn end) {
        try {
            Optional<KnownDamage.Place> known = damage.load();
            place = known.orElse(null);
            known.ifPresent(it -> state.setNotReady(Archiving.DAMAGED, "an earlier run found WAL at %s damaged, and nothing from there on is acknowledged. Make a base backup, then start the relay with \"verify: archive\""
                    .formatted(it.at())));
        } catch (IOException e) {
            unknown = end;
            String problem = "where earlier runs found WAL damaged can't be read, and nothing from %s on is acknowledged: %s. Restart the relay when its disk can be read; if the file is lost, make a base backup, then start the relay with \"verify: archive\""
                    .formatted(end, e.getMessage());
            state.setNotReady(Archiving.DAMAGED, problem);
            state.events().error(Archiving.DAMAGED, problem);
        }
        tell();
    }

    /** The beginning of a segment: what an earlier run found is read again, if it is held. */
    Lsn verifyFrom(WalCache cache) throws IOException {
        Lsn usual = cache.verifyFrom();
        return Optional.ofNullable(place)
                .map(it -> size.startOf(it.at()))
                .filter(segment -> segment.isAtLeast(cache.oldest()))
                .map(segment -> Lsn.min(segment, usual))
                .orElse(usual);
    }

    /** {@code found} lasts. */
    void endAt(KnownDamage.Place found) {
        place = place == null ? found : place.orBefore(found);
        tell();
        try {
            damage.remember(place);
        } catch (IOException e) {
            state.events().error(Archiving.DAMAGED, "that WAL is damaged at %s could not be remembered, and is forgotten when the relay is started again: %s".formatted(place.at(), e.getMessage()));
        }
    }

    /** That history is followed now. */
    void follows(TimelineHistory lineage) {
        if (place != null && !place.isOn(lineage)) {
            end("wal-damage-left", "timeline %s, which is followed now, has not the damaged WAL at %s; nothing is withheld from upstream for that any more"
                    .formatted(lineage.timeline(), place.at()));
        }
    }

    /** All that {@code read} spans is good or was told of. */
    void verified(WalVerifier.Verified read) {
        if (place != null && place.isGoodBy(read, size)) {
            end("wal-mended", "the WAL at %s that was found damaged is good now; it is acknowledged again".formatted(place.at()));
        }
    }

    private void end(String kind, String text) {
        place = null;
        tell();
        state.events().info(kind, text);
        if (unknown != null) {
            return; // The file says something else, and is kept for who can read it.
        }
        state.clearNotReady(Archiving.DAMAGED);
        try {
            damage.forget();
        } catch (IOException e) {
            state.events().warning(Archiving.DAMAGED, "that damaged WAL counts no more could not be remembered, so it is looked at again when the relay is started again: %s".formatted(e.getMessage()));
        }
    }

    private void tell() {
        state.acknowledgeBefore(Stream.of(Optional.ofNullable(place).map(KnownDamage.Place::at), Optional.ofNullable(unknown))
                .flatMap(Optional::stream)
                .min(Lsn::compareTo));
    }
}
