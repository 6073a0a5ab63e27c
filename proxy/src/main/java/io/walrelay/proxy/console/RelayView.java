package io.walrelay.proxy.console;

import io.walrelay.cache.EndOfWal;
import io.walrelay.cache.WalCache;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.state.RelayState;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamFacts;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The relay as one statement sees it: what is asked for twice is the same both times. Confined to the statement's thread. */
final class RelayView {

    private final RelayState state;
    private final WalCache cache;
    private final UpstreamFacts facts;
    private final EndOfWal end;
    private final UpstreamStatus upstream;
    private final Instant now;
    private @Nullable List<StandbyStatus> standbys;
    private @Nullable List<SlotStatus> slots;
    private @Nullable Acknowledgement acknowledgement;

    RelayView(RelayState state, WalCache cache, UpstreamFacts facts, Instant now) {
        this.state = state;
        this.cache = cache;
        this.facts = facts;
        this.end = state.reportable(cache);
        this.upstream = state.upstream();
        this.now = now.truncatedTo(ChronoUnit.MICROS);
    }

    RelayState state() {
        return state;
    }

    WalCache cache() {
        return cache;
    }

    UpstreamFacts facts() {
        return facts;
    }

    EndOfWal end() {
        return end;
    }

    UpstreamStatus upstream() {
        return upstream;
    }

    Instant now() {
        return now;
    }

    List<StandbyStatus> standbys() {
        List<StandbyStatus> seen = standbys;
        if (seen == null) {
            seen = state.standbys().all();
            standbys = seen;
        }
        return seen;
    }

    SyncState syncState(StandbyStatus standby) {
        return SyncState.of(acknowledgement(), state.acknowledging().memberOf(standby.slot(), standby.name()));
    }

    /** What the standbys of upstream.acknowledge have confirmed. */
    private Acknowledgement acknowledgement() {
        Acknowledgement seen = acknowledgement;
        if (seen == null) {
            seen = state.acknowledging().look(end);
            acknowledgement = seen;
        }
        return seen;
    }

    List<SlotStatus> slots() {
        List<SlotStatus> seen = slots;
        if (seen == null) {
            seen = cache.reservations().statuses();
            slots = seen;
        }
        return seen;
    }

    String serverVersion() {
        return facts.parameters().getOrDefault("server_version", "0");
    }

    /** Where the version of PostgreSQL begins with no number, the newest that the relay knows. */
    int serverMajor() {
        String digits = serverVersion().replaceFirst("^([0-9]{1,4}).*$", "$1");
        return digits.matches("[0-9]+") ? Integer.parseInt(digits) : 18;
    }

    // Values of columns: what is not known is NULL.

    static @Nullable Lsn position(Lsn lsn) {
        return lsn.isValid() ? lsn : null;
    }

    static @Nullable Instant time(Optional<Instant> instant) {
        return instant.map(at -> at.truncatedTo(ChronoUnit.MICROS)).orElse(null);
    }
}
