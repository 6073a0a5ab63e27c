package io.walrelay.proxy.metrics;

import io.walrelay.proxy.state.StandbyStatus;
import io.walrelay.proxy.state.Waiting;
import io.walrelay.wal.Lsn;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The standbys' series, by name and stage. Where several sessions share a name, the one furthest behind is shown. */
final class StandbySeries {

    /** How far a standby is in one respect, named as in pg_stat_replication. */
    private record Stage(String label, Function<StandbyStatus, Lsn> position, Function<StandbyStatus, Optional<Duration>> lag) {}

    private static final List<Stage> STAGES = List.of(
            new Stage("sent", StandbyStatus::sent, StandbyStatus::sentLag),
            new Stage("write", StandbyStatus::written, StandbyStatus::writeLag),
            new Stage("flush", StandbyStatus::flushed, StandbyStatus::flushLag),
            new Stage("replay", StandbyStatus::replayed, StandbyStatus::replayLag));

    private StandbySeries() {}

    /** @param written the relay's, from which lag in bytes is counted */
    static void add(Families families, List<StandbyStatus> standbys, Optional<Lsn> written) {
        Families.Gauge states = families.gauge("sessions", "Replication sessions by state");
        for (StandbyStatus.State state : StandbyStatus.State.values()) {
            states.at(standbys.stream().filter(s -> s.state() == state).count(), "state", state.toString());
        }
        states.done();
        waiting(families, standbys);
        Map<String, List<StandbyStatus>> groups = ByName.group(standbys, StandbyStatus::name);
        Families.Gauge sessions = families.gauge("standby_sessions", "Replication sessions of that name");
        Families.Gauge positions = families.gauge("standby_position_bytes", "How far the standby is (LSN as a number of bytes)");
        Families.Gauge bytes = families.gauge("standby_lag_bytes", "WAL that the relay has written and the standby has not come to");
        Families.Gauge seconds = families.gauge("standby_lag_seconds", "Age of the oldest WAL not sent yet (stage sent); time from when WAL could be sent to the standby's confirmation (the others)");
        groups.forEach((name, group) -> {
            sessions.at(group.size(), "standby", name);
            for (Stage stage : STAGES) {
                group.stream().map(stage.position).filter(Lsn::isValid).min(Lsn::compareTo).ifPresent(reached -> {
                    positions.at(RelayCollector.bytes(reached), "standby", name, "stage", stage.label());
                    written.ifPresent(w -> bytes.at(RelayCollector.behind(reached, w), "standby", name, "stage", stage.label()));
                });
                group.stream().map(stage.lag).flatMap(Optional::stream).max(Duration::compareTo).ifPresent(lag ->
                        seconds.at(RelayCollector.seconds(lag), "standby", name, "stage", stage.label()));
            }
        });
        sessions.done();
        positions.done();
        bytes.done();
        seconds.done();
    }

    private static void waiting(Families families, List<StandbyStatus> standbys) {
        long ahead = standbys.stream().filter(s -> s.waiting() instanceof Waiting.Ahead).count();
        long archive = standbys.stream().filter(s -> s.waiting() instanceof Waiting.Archive).count();
        families.gauge("standbys_waiting", "Streams that wait for WAL that the relay has not yet (ahead), or that comes from the archive")
                .at(ahead, "what", "ahead")
                .at(archive, "what", "archive")
                .done();
    }
}
