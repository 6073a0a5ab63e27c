package io.walrelay.proxy.upstream;

import io.netty.channel.EventLoopGroup;
import io.walrelay.protocol.command.ReplicationCommand;
import io.walrelay.protocol.handshake.SessionKind;
import io.walrelay.proxy.conninfo.HostAddress;
import io.walrelay.proxy.state.Events;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Moves the relay's slot by SQL (slotfuncs.c, pg_replication_slot_advance), past what the policy acknowledges. {@link SlotAdvance} must not: its report is one of a
 * walsender's standby that is called as the relay is, and so would confirm to commits what the policy holds back (syncrep.c,
 * SyncRepGetCandidateStandbys). Thread-safe; calls block.
 */
final class SlotBySql {

    private static final String SLOT = "upstream-slot";

    private final UpstreamDialer dialer;
    private final EventLoopGroup group;
    private final String slot;
    private final Events events;
    private final Map<HostAddress, Lsn> advanced = new ConcurrentHashMap<>();
    /** Why it can't be moved there, by host. */
    private final Map<HostAddress, String> failures = new ConcurrentHashMap<>();

    SlotBySql(UpstreamDialer dialer, EventLoopGroup group, String slot, Events events) {
        this.dialer = dialer;
        this.group = group;
        this.slot = slot;
        this.events = events;
    }

    /** Moves the slot to {@code to}, once that is in another segment than where it was moved last: a server keeps whole ones. Whether it is there, as far as is known. */
    boolean advance(HostAddress host, SegmentSize size, Lsn to) throws InterruptedException {
        Lsn before = advanced.getOrDefault(host, Lsn.INVALID);
        if (!to.isValid() || size.startOf(to).isAtMost(before)) {
            return true;
        }
        try (UpstreamConnection connection = dialer.connect(host, SessionKind.ORDINARY, group)) {
            List<List<@Nullable String>> rows = connection.ask(new ReplicationCommand.Sql(statement(to)));
            Optional.ofNullable(rows.isEmpty() ? null : rows.getFirst().getFirst()).map(Lsn::parse).ifPresent(at -> advanced.put(host, at));
            if (failures.remove(host) != null) {
                events.info(SLOT, "slot \"%s\" on %s is moved on again".formatted(slot, host));
            }
            return !rows.isEmpty();
        } catch (UpstreamException e) {
            if (failures.put(host, e.reason()) == null) {
                events.warning(
                        SLOT,
                        "slot \"%s\" on %s is not moved on by SQL, and keeps WAL there: %s. walrelay setup-sql --slot-follows-own prints what that needs"
                                .formatted(slot, host, e.reason()));
            }
            return true;
        }
    }

    /** Where the slot is then; nothing while it is used or not there. */
    private String statement(Lsn to) {
        return ("SELECT CASE WHEN restart_lsn >= '%2$s' THEN restart_lsn"
                        + " WHEN NOT active THEN (pg_catalog.pg_replication_slot_advance(slot_name, '%2$s')).end_lsn END"
                        + " FROM pg_catalog.pg_replication_slots WHERE slot_name = '%1$s' AND slot_type = 'physical'")
                .formatted(slot, to);
    }

    Optional<String> problem(HostAddress host) {
        return Optional.ofNullable(failures.get(host))
                .map(why -> "slot \"%s\" is not moved on by SQL, so %s keeps WAL: %s".formatted(slot, host, why));
    }

    /** The slot there is another one from now on. */
    void forget(HostAddress host) {
        advanced.remove(host);
    }
}
