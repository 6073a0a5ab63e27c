package io.walrelay.proxy.console;

import static io.walrelay.proxy.console.RelayView.position;
import static io.walrelay.proxy.console.RelayView.time;
import static io.walrelay.proxy.console.sql.SqlType.BOOL;
import static io.walrelay.proxy.console.sql.SqlType.INET;
import static io.walrelay.proxy.console.sql.SqlType.INT4;
import static io.walrelay.proxy.console.sql.SqlType.INT8;
import static io.walrelay.proxy.console.sql.SqlType.INTERVAL;
import static io.walrelay.proxy.console.sql.SqlType.NAME;
import static io.walrelay.proxy.console.sql.SqlType.OID;
import static io.walrelay.proxy.console.sql.SqlType.PG_LSN;
import static io.walrelay.proxy.console.sql.SqlType.TEXT;
import static io.walrelay.proxy.console.sql.SqlType.TIMESTAMPTZ;
import static io.walrelay.proxy.console.sql.SqlType.XID;

import io.walrelay.cache.slot.Slot;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.WalStatus;
import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.RowValue;
import io.walrelay.proxy.console.sql.SqlFunction;
import io.walrelay.proxy.console.sql.SqlType;
import io.walrelay.proxy.console.sql.TextFormat;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.FullTransactionId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * PostgreSQL's views of replication, with the columns that they have in upstream's version (system_views.sql, pg_proc.dat). What the relay does not know or
 * has not is NULL.
 */
final class PostgresViews {

    private final RelayView relay;
    private final int major;

    PostgresViews(RelayView relay) {
        this.relay = relay;
        this.major = relay.serverMajor();
    }

    Optional<Relation> find(String name) {
        return switch (name) {
            case "pg_stat_replication" -> Optional.of(statReplication().of(relay::standbys));
            case "pg_replication_slots" -> Optional.of(replicationSlots().of(relay::slots));
            case "pg_stat_wal_receiver" -> Optional.of(statWalReceiver().of(this::receivers));
            default -> Optional.empty();
        };
    }

    /** The functions below the views. */
    List<SqlFunction> functions() {
        Table<StandbyStatus> senders = progress(new Table<StandbyStatus>("pg_stat_get_wal_senders").with("pid", INT4, StandbyStatus::pid));
        Table<StandbyStatus> activity = activity();
        return List.of(
                SqlFunction.rows("pg_stat_get_wal_senders", List.of(), senders.columns(), _ -> rows(senders, relay.standbys().stream())),
                SqlFunction.rows("pg_stat_get_activity", List.of(INT4), activity.columns(), a ->
                        rows(activity, relay.standbys().stream().filter(standby -> a.getFirst().equals(standby.pid()))))
                        .onNull(_ -> rows(activity, relay.standbys().stream())),
                SqlFunction.row("pg_stat_get_wal_receiver", List.of(), statWalReceiver().columns(), _ ->
                        rows(statWalReceiver(), receivers().stream()).stream().findFirst().orElse(null)));
    }

    private static <T> List<RowValue> rows(Table<T> table, Stream<T> objects) {
        return objects.map(object -> new RowValue(table.columns(), table.row(object))).toList();
    }

    private Table<StandbyStatus> statReplication() {
        return progress(client(new Table<StandbyStatus>("pg_stat_replication")
                        .with("pid", INT4, StandbyStatus::pid)
                        .with("usesysid", OID, _ -> null)
                        .with("usename", NAME, StandbyStatus::user)
                        .with("application_name", TEXT, StandbyStatus::name))
                .with("backend_start", TIMESTAMPTZ, s -> time(Optional.of(s.since())))
                .with("backend_xmin", XID, s -> xid(relay.state().feedback().ofSession(s.pid()).xmin())));
    }

    /** As much of pg_stat_get_activity as is joined with the senders. */
    private static Table<StandbyStatus> activity() {
        return client(new Table<StandbyStatus>("pg_stat_get_activity")
                        .with("pid", INT4, StandbyStatus::pid)
                        .with("usesysid", OID, _ -> null)
                        .with("application_name", TEXT, StandbyStatus::name)
                        .with("state", TEXT, _ -> "active"))
                .with("backend_start", TIMESTAMPTZ, s -> time(Optional.of(s.since())));
    }

    private static Table<StandbyStatus> client(Table<StandbyStatus> table) {
        return table.with("client_addr", INET, s -> isLocal(s) ? null : TextFormat.parse(INET, s.client().substring(0, s.client().lastIndexOf(':'))))
                .with("client_hostname", TEXT, _ -> null)
                .with("client_port", INT4, s -> isLocal(s) ? Integer.valueOf(-1) : port(s.client()));
    }

    /** By the Unix-domain socket, which has neither address nor port, as in pg_stat_activity. */
    private static boolean isLocal(StandbyStatus standby) {
        return standby.client().equals("[local]");
    }

    private Table<StandbyStatus> progress(Table<StandbyStatus> table) {
        return table.with("state", TEXT, s -> s.state().toString())
                .with("sent_lsn", PG_LSN, s -> position(s.sent()))
                .with("write_lsn", PG_LSN, s -> position(s.written()))
                .with("flush_lsn", PG_LSN, s -> position(s.flushed()))
                .with("replay_lsn", PG_LSN, s -> position(s.replayed()))
                .with("write_lag", INTERVAL, s -> lag(s.writeLag()))
                .with("flush_lag", INTERVAL, s -> lag(s.flushLag()))
                .with("replay_lag", INTERVAL, s -> lag(s.replayLag()))
                .with("sync_priority", INT4, s -> relay.syncState(s).priority())
                .with("sync_state", TEXT, s -> relay.syncState(s).state())
                .with("reply_time", TIMESTAMPTZ, s -> time(s.lastReply()));
    }

    private Table<SlotStatus> replicationSlots() {
        return new Table<SlotStatus>("pg_replication_slots")
                .with("slot_name", NAME, s -> s.slot().name())
                .with("plugin", NAME, _ -> null)
                .with("slot_type", TEXT, _ -> "physical")
                .with("datoid", OID, _ -> null)
                .with("database", NAME, _ -> null)
                .with("temporary", BOOL, s -> s.slot().temporary())
                .with("active", BOOL, s -> s.slot().activePid().isPresent())
                .with("active_pid", INT4, s -> s.slot().activePid().isPresent() ? s.slot().activePid().getAsInt() : null)
                .with("xmin", XID, s -> xid(s.slot().xmins().xmin()))
                .with("catalog_xmin", XID, s -> xid(s.slot().xmins().catalogXmin()))
                .with("restart_lsn", PG_LSN, s -> position(s.slot().restartLsn()))
                .with("confirmed_flush_lsn", PG_LSN, _ -> null)
                .with("wal_status", TEXT, s -> s.walStatus().map(WalStatus::toString).orElse(null))
                .with("safe_wal_size", INT8, s -> s.safe().orElse(null))
                .withIf(major >= 14, "two_phase", BOOL, _ -> false)
                .withIf(major >= 18, "two_phase_at", PG_LSN, _ -> null)
                .withIf(major >= 17, "inactive_since", TIMESTAMPTZ, s -> time(s.slot().inactiveSince()))
                .withIf(major >= 16, "conflicting", BOOL, _ -> null)
                .withIf(major >= 17, "invalidation_reason", TEXT, s -> invalidation(s.slot()))
                .withIf(major >= 17, "failover", BOOL, _ -> false)
                .withIf(major >= 17, "synced", BOOL, _ -> false);
    }

    /** Without its epoch, as the views have it. */
    private static @Nullable Long xid(FullTransactionId id) {
        return id.isValid() ? Integer.toUnsignedLong(id.xid()) : null;
    }

    private static @Nullable String invalidation(Slot slot) {
        return slot.lost() ? "wal_removed" : null;
    }

    /** One row while WAL is received, none otherwise. */
    private List<UpstreamStatus> receivers() {
        return relay.upstream().streamingFrom().isPresent() ? List.of(relay.upstream()) : List.of();
    }

    private Table<UpstreamStatus> statWalReceiver() {
        return new Table<UpstreamStatus>("pg_stat_wal_receiver")
                .with("pid", INT4, _ -> (int) ProcessHandle.current().pid())
                .with("status", TEXT, _ -> "streaming")
                .with("receive_start_lsn", PG_LSN, _ -> null)
                .with("receive_start_tli", INT4, _ -> null)
                .with("written_lsn", PG_LSN, _ -> position(relay.end().written()))
                .with("flushed_lsn", PG_LSN, _ -> position(relay.end().flushed()))
                .with("received_tli", INT4, _ -> (int) relay.end().lineage().timeline().toLong())
                .with("last_msg_send_time", TIMESTAMPTZ, _ -> null)
                .with("last_msg_receipt_time", TIMESTAMPTZ, u -> time(u.lastMessage()))
                .with("latest_end_lsn", PG_LSN, u -> position(u.upstreamEnd()))
                .with("latest_end_time", TIMESTAMPTZ, _ -> null)
                .with("slot_name", TEXT, _ -> null)
                .with("sender_host", TEXT, u -> u.host().map(PostgresViews::host).orElse(null))
                .with("sender_port", INT4, u -> u.host().map(PostgresViews::port).orElse(null))
                .with("conninfo", TEXT, _ -> null);
    }

    private static @Nullable Object lag(Optional<Duration> lag) {
        return lag.map(SqlType::interval).orElse(null);
    }

    /** Of {@code host:port}; without the brackets of an IPv6 address. */
    private static String host(String address) {
        return address.substring(0, address.lastIndexOf(':')).replaceAll("[\\[\\]]", "");
    }

    private static @Nullable Integer port(String address) {
        String port = address.substring(address.lastIndexOf(':') + 1);
        return port.matches("[0-9]{1,5}") ? Integer.valueOf(port) : null;
    }
}
