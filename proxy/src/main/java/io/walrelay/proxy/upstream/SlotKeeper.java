package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The relay's own physical slot, on every host where it can be. Where it can't, one warning says why, and the relay does without.
 * Confined to the control thread.
 */
final class SlotKeeper {

    /** READ_REPLICATION_SLOT. */
    private static final int FIRST_THAT_READS_SLOTS = 15;

    private static final String SLOT = "upstream-slot";

    private final String name;
    private final Events events;
    private final Clock clock;
    private final Duration limit;
    private final Set<HostAddress> warned = new HashSet<>();
    private final Map<HostAddress, Lsn> advanced = new HashMap<>();

    SlotKeeper(String name, Events events, Clock clock, LinkTiming timing) {
        this.name = name;
        this.events = events;
        this.clock = clock;
        this.limit = timing.answer();
    }

    String name() {
        return name;
    }

    /** Makes the slot where it is missing, with WAL reserved. Returns whether the host has it. */
    boolean ensure(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        try {
            if (connection.major() < FIRST_THAT_READS_SLOTS) {
                return createUnlessThere(connection);
            }
            List<@Nullable String> row = read(connection);
            if (row.get(0) == null) {
                return createUnlessThere(connection);
            }
            if (row.get(1) == null) {
                return renew(connection, "it holds no WAL: it was invalidated, or made without reserving any");
            }
            return true;
        } catch (UpstreamException e) {
            return without(connection, e);
        }
    }

    private boolean without(UpstreamConnection connection, UpstreamException why) throws UpstreamException {
        if (why.diagnostic().isEmpty()) {
            throw why;
        }
        if (warned.add(connection.host())) {
            events.warning(
                    SLOT,
                    "no slot on %s, so it may remove WAL that the relay still needs: %s".formatted(connection.host(), why.reason()));
        }
        return false;
    }

    private List<@Nullable String> read(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        return connection.ask(new ReplicationCommand.ReadSlot(name)).getFirst();
    }

    private boolean createUnlessThere(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        try {
            connection.ask(new ReplicationCommand.CreatePhysicalSlot(name, false, true));
            advanced.remove(connection.host());
            events.info(SLOT, "made slot \"%s\" on %s".formatted(name, connection.host()));
        } catch (UpstreamException e) {
            if (!e.has(UpstreamException.DUPLICATE_OBJECT)) {
                throw e;
            }
        }
        warned.remove(connection.host());
        return true;
    }

    /**
     * Drops the slot and makes it anew, after upstream refused to start from it. Only one that READ_REPLICATION_SLOT calls physical is
     * touched: a logical slot of that name is somebody else's.
     */
    boolean renew(UpstreamConnection connection, String reason) throws UpstreamException, InterruptedException {
        if (connection.major() < FIRST_THAT_READS_SLOTS || !"physical".equals(read(connection).get(0))) {
            return false;
        }
        connection.ask(new ReplicationCommand.DropSlot(name, false));
        events.warning(SLOT, "dropped slot \"%s\" on %s to make it anew: %s".formatted(name, connection.host(), reason));
        return createUnlessThere(connection);
    }

    /** The slot's restart_lsn; empty when there is no slot, or the server has no command that tells. */
    Optional<Lsn> restartLsn(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        if (connection.major() < FIRST_THAT_READS_SLOTS) {
            return Optional.empty();
        }
        return Optional.ofNullable(read(connection).get(1)).map(Lsn::parse);
    }

    /**
     * Moves the slot of a host that is not in use to what is acknowledged: never past what the host has, and not at all when the
     * position is not on its lineage.
     */
    void advance(UpstreamConnection connection, HostProbe probe, TimelineHistory own, Lsn acknowledged) throws UpstreamException, InterruptedException {
        TimelineHistory theirs = probe.report().history();
        Lsn to = Lsn.min(acknowledged, probe.report().flushed());
        boolean there = to.isValid() && theirs.reaches(own, to);
        if (!there || to.isAtMost(advanced.getOrDefault(connection.host(), Lsn.INVALID))) {
            return;
        }
        try {
            SlotAdvance advance = new SlotAdvance(connection.channel(), to, PgTime.of(clock.instant()));
            connection.begin(new ReplicationCommand.StartPhysical(Optional.of(name), to, Optional.of(theirs.timelineAt(to))), advance);
            if (UpstreamConnection.await(advance.done(), limit, "advancing the slot")) {
                advanced.put(connection.host(), to);
            }
        } catch (UpstreamException e) {
            without(connection, e);
        }
    }
}
