package io.walrelay.proxy.upstream;

import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.cache.EndOfWal;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.replication.PgTime;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The relay's own physical slot, on every host where it can be. Where it can't, one warning says why, and the relay does without
 * until it can: that is tried again now and then. Thread-safe, for sessions on different hosts.
 */
final class SlotKeeper {

    /** READ_REPLICATION_SLOT. */
    private static final int FIRST_THAT_READS_SLOTS = 15;

    /** Each refusal is a line in the server's log. */
    private static final int LOOKS_BEFORE_ANOTHER_TRY = 6;

    private static final String SLOT = "upstream-slot";

    private final String name;
    private final Optional<SlotBySql> bySql;
    private final Events events;
    private final Clock clock;
    private final Duration limit;
    private final Duration pause;
    private final Set<HostAddress> warned = ConcurrentHashMap.newKeySet();
    /** Where it is, as far as it was read or moved there. */
    private final Map<HostAddress, Lsn> positions = new ConcurrentHashMap<>();
    /** Where the slot was made or found by making it: servers before 15 tell of one in no other way without SQL, and log an error each time. */
    private final Set<HostAddress> known = ConcurrentHashMap.newKeySet();
    /** Where it was refused, and when. */
    private final Map<HostAddress, Instant> refused = new ConcurrentHashMap<>();

    /** @param bySql where the slot is to follow what the relay has, and not what is acknowledged: no stream uses it then */
    SlotKeeper(String name, Optional<SlotBySql> bySql, Events events, Clock clock, LinkTiming timing) {
        this.name = name;
        this.bySql = bySql;
        this.events = events;
        this.clock = clock;
        this.limit = timing.answer();
        this.pause = timing.look().multipliedBy(LOOKS_BEFORE_ANOTHER_TRY);
    }

    String name() {
        return name;
    }

    /** Whether streams use the slot, which moves with what they report. */
    boolean streamed() {
        return bySql.isEmpty();
    }

    /** Why the slot on {@code host} does not move though no stream uses it. */
    Optional<String> problem(HostAddress host) {
        return bySql.flatMap(sql -> sql.problem(host));
    }

    /** Makes the slot where it is missing, with WAL reserved. Returns whether the host has it. */
    boolean ensure(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        Instant before = refused.get(connection.host());
        if (before != null && clock.instant().isBefore(before.plus(pause))) {
            return false;
        }
        try {
            if (connection.major() < FIRST_THAT_READS_SLOTS) {
                return known.contains(connection.host()) || createUnlessThere(connection);
            }
            List<@Nullable String> row = read(connection);
            if (row.get(0) == null) {
                return createUnlessThere(connection);
            }
            Optional<Lsn> at = restartLsn(row);
            if (at.isEmpty()) {
                return renew(connection, "it holds no WAL: it was invalidated, or made without reserving any");
            }
            positions.put(connection.host(), at.get());
            return true;
        } catch (UpstreamException e) {
            return without(connection, e);
        }
    }

    private boolean without(UpstreamConnection connection, UpstreamException why) throws UpstreamException {
        if (why.diagnostic().isEmpty()) {
            throw why;
        }
        refused.put(connection.host(), clock.instant());
        if (warned.add(connection.host())) {
            events.warning(
                    SLOT,
                    "no slot on %s, so it may remove WAL that the relay still needs: %s".formatted(connection.host(), why.reason()));
        }
        return false;
    }

    private List<@Nullable String> read(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        return connection.row(new ReplicationCommand.ReadSlot(name), 2);
    }

    private boolean createUnlessThere(UpstreamConnection connection) throws UpstreamException, InterruptedException {
        try {
            connection.ask(new ReplicationCommand.CreatePhysicalSlot(name, false, true));
            moved(connection.host());
            events.info(SLOT, "made slot \"%s\" on %s".formatted(name, connection.host()));
        } catch (UpstreamException e) {
            if (!e.has(UpstreamException.DUPLICATE_OBJECT)) {
                throw e;
            }
        }
        warned.remove(connection.host());
        refused.remove(connection.host());
        known.add(connection.host());
        return true;
    }

    /** {@code host} has no such slot, whatever was known. */
    void forget(HostAddress host) {
        known.remove(host);
        moved(host);
    }

    /** Where the slot is on {@code host} is not known any more. */
    private void moved(HostAddress host) {
        positions.remove(host);
        bySql.ifPresent(sql -> sql.forget(host));
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
        return restartLsn(read(connection));
    }

    private static Optional<Lsn> restartLsn(List<@Nullable String> row) throws UpstreamException {
        try {
            return Optional.ofNullable(row.get(1)).map(Lsn::parse);
        } catch (IllegalArgumentException e) {
            throw new UpstreamException("READ_REPLICATION_SLOT was answered with " + e.getMessage(), e);
        }
    }

    /** Where the slot was when it was last seen or moved; {@link Lsn#INVALID} when that is not known, as on a server that has no command that tells. */
    Lsn position(HostAddress host) {
        return positions.getOrDefault(host, Lsn.INVALID);
    }

    /** On a host where no stream uses the slot: keeps it there and moves it on. */
    void visit(UpstreamConnection connection, HostProbe probe, EndOfWal own) throws UpstreamException, InterruptedException {
        if (ensure(connection)) {
            advance(connection, probe, own);
        }
    }

    /**
     * Moves the slot where no stream uses it to what may be acknowledged: never past what the host has, and not at all when the
     * position is not on its lineage. A position counts only together with its lineage, which may change meanwhile.
     */
    private void advance(UpstreamConnection connection, HostProbe probe, EndOfWal own) throws UpstreamException, InterruptedException {
        TimelineHistory theirs = probe.report().history();
        Lsn to = Lsn.min(own.acknowledgeable(), probe.report().flushed());
        boolean there = to.isValid() && theirs.reaches(own.lineage(), to);
        if (there && bySql.isPresent()) {
            if (!bySql.get().advance(connection.host(), probe.report().segmentSize(), to)) {
                // Made anew at the next look.
                forget(connection.host());
            }
            return;
        }
        Lsn at = position(connection.host());
        if (!there || (to.isAtMost(at) && at.isAtMost(own.flushed()))) {
            return;
        }
        try {
            SlotAdvance advance = new SlotAdvance(connection.channel(), to, PgTime.of(clock.instant()));
            connection.begin(new ReplicationCommand.StartPhysical(Optional.of(name), to, Optional.of(theirs.timelineAt(to))), advance);
            if (UpstreamConnection.await(advance.done(), limit, "advancing the slot")) {
                positions.put(connection.host(), to);
            }
        } catch (UpstreamException e) {
            notMoved(connection, e);
        }
    }

    private void notMoved(UpstreamConnection connection, UpstreamException why) throws UpstreamException, InterruptedException {
        if (why.diagnostic().isEmpty()) {
            throw why;
        }
        if (why.has(UpstreamException.UNDEFINED_OBJECT)) {
            // Made anew at the next look.
            forget(connection.host());
            return;
        }
        if (why.has(UpstreamException.UNDEFINED_FILE)) {
            // The relay was away and asks for older WAL than the server has: the slot holds what is left.
            return;
        }
        try {
            // One that was idle for too long keeps its restart_lsn, and so looks like any other (slot.c, idle_replication_slot_timeout).
            boolean renewed = why.has(UpstreamException.WRONG_STATE) && renew(connection, why.reason());
            if (!renewed && warned.add(connection.host())) {
                events.warning(SLOT, "the slot on %s can't be moved on: %s".formatted(connection.host(), why.reason()));
            }
        } catch (UpstreamException e) {
            var _ = without(connection, e);
        }
    }
}
