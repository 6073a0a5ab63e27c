package io.walrelay.proxy.console;

import static io.walrelay.proxy.console.RelayView.position;
import static io.walrelay.proxy.console.RelayView.time;
import static io.walrelay.proxy.console.sql.SqlType.BOOL;
import static io.walrelay.proxy.console.sql.SqlType.INT4;
import static io.walrelay.proxy.console.sql.SqlType.INT8;
import static io.walrelay.proxy.console.sql.SqlType.INTERVAL;
import static io.walrelay.proxy.console.sql.SqlType.PG_LSN;
import static io.walrelay.proxy.console.sql.SqlType.TEXT;
import static io.walrelay.proxy.console.sql.SqlType.TIMESTAMPTZ;

import io.walrelay.cache.CacheArchive;
import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.WalStatus;
import io.walrelay.proxy.console.sql.Relation;
import io.walrelay.proxy.console.sql.SqlType;
import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.TimelineBranch;
import io.walrelay.proxy.state.UpstreamStatus;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The relay's own relations: {@code SHOW name}, or {@code SELECT … FROM walrelay.name}. */
final class OwnTables {

    static final String SCHEMA = "walrelay";

    /** Columns of {@code tiers}. */
    private record Tier(String name, @Nullable Lsn from, @Nullable Lsn to, @Nullable Long bytes) {}

    private final RelayView relay;

    OwnTables(RelayView relay) {
        this.relay = relay;
    }

    Optional<Relation> find(String name) {
        return switch (name) {
            case "standbys" -> Optional.of(standbys().of(relay::standbys));
            case "slots" -> Optional.of(slots().of(relay::slots));
            case "upstream" -> Optional.of(upstream().of(() -> List.of(relay.upstream())));
            case "timelines" -> Optional.of(timelineTable().of(() -> TimelineBranch.of(relay.cache())));
            case "tiers" -> Optional.of(tierTable().of(this::tiers));
            case "help" -> Optional.of(Help.relation());
            default -> Optional.empty();
        };
    }

    private Table<StandbyStatus> standbys() {
        return new Table<StandbyStatus>("standbys")
                .with("standby", TEXT, StandbyStatus::name)
                .with("state", TEXT, s -> s.state().toString())
                .with("slot", TEXT, s -> s.slot().orElse(null))
                .with("client", TEXT, StandbyStatus::client)
                .with("pid", INT4, StandbyStatus::pid)
                .with("timeline", INT8, s -> s.timeline().map(TimelineId::toLong).orElse(null))
                .with("sent_lsn", PG_LSN, s -> position(s.sent()))
                .with("write_lsn", PG_LSN, s -> position(s.written()))
                .with("flush_lsn", PG_LSN, s -> position(s.flushed()))
                .with("replay_lsn", PG_LSN, s -> position(s.replayed()))
                .with("replay_behind_bytes", INT8, s -> s.replayed().isValid() ? behind(s.replayed()) : null)
                .with("replay_lag", INTERVAL, s -> s.replayLag().map(SqlType::interval).orElse(null))
                .with("last_reply", TIMESTAMPTZ, s -> time(s.lastReply()));
    }

    private Long behind(Lsn reached) {
        return Math.max(relay.end().written().minus(reached), 0);
    }

    private static Table<SlotStatus> slots() {
        return new Table<SlotStatus>("slots")
                .with("slot", TEXT, s -> s.slot().name())
                .with("active", BOOL, s -> s.slot().activePid().isPresent())
                .with("temporary", BOOL, s -> s.slot().temporary())
                .with("restart_lsn", PG_LSN, s -> position(s.slot().restartLsn()))
                .with("retained_bytes", INT8, s -> s.retained().orElse(null))
                .with("safe_bytes", INT8, s -> s.safe().orElse(null))
                .with("wal_status", TEXT, s -> s.walStatus().map(WalStatus::toString).orElse(null))
                .with("inactive_since", TIMESTAMPTZ, s -> time(s.slot().inactiveSince()));
    }

    private Table<UpstreamStatus> upstream() {
        return new Table<UpstreamStatus>("upstream")
                .with("host", TEXT, u -> u.host().orElse(null))
                .with("state", TEXT, u -> u.state().name().toLowerCase(Locale.ROOT))
                .with("since", TIMESTAMPTZ, u -> time(Optional.of(u.since())))
                .with("system_id", TEXT, _ -> relay.facts().system().toString())
                .with("server_version", TEXT, _ -> relay.serverVersion())
                .with("received_lsn", PG_LSN, u -> position(u.received()))
                .with("end_lsn", PG_LSN, u -> position(u.upstreamEnd()))
                .with("acknowledged_lsn", PG_LSN, u -> position(u.acknowledged()))
                .with("last_message", TIMESTAMPTZ, u -> time(u.lastMessage()))
                .with("problem", TEXT, u -> u.problem().orElse(null));
    }

    private static Table<TimelineBranch> timelineTable() {
        return new Table<TimelineBranch>("timelines")
                .with("timeline", INT8, t -> t.timeline().toLong())
                .with("lineage", TEXT, TimelineBranch::lineage)
                .with("from_lsn", PG_LSN, TimelineBranch::from)
                .with("to_lsn", PG_LSN, TimelineBranch::to)
                .with("state", TEXT, t -> t.state().toString());
    }

    private static Table<Tier> tierTable() {
        return new Table<Tier>("tiers")
                .with("tier", TEXT, Tier::name)
                .with("from_lsn", PG_LSN, Tier::from)
                .with("to_lsn", PG_LSN, Tier::to)
                .with("bytes", INT8, Tier::bytes);
    }

    private List<Tier> tiers() {
        List<Tier> tiers = new ArrayList<>();
        Lsn end = relay.end().written();
        tiers.add(new Tier("memory", null, end, relay.cache().memoryBytes()));
        tiers.add(new Tier("disk", relay.cache().oldest(), end, relay.cache().diskBytes()));
        relay.cache().archive().flatMap(CacheArchive::archiving).map(archiver -> archiver.status()).ifPresent(status ->
                tiers.add(new Tier("archive", position(status.from()), position(status.archived()), null)));
        return tiers;
    }
}
