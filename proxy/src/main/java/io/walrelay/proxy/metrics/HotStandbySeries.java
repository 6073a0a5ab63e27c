package io.walrelay.proxy.metrics;

import io.walrelay.cache.HotStandbyNeeds;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.format.ServerParameters;

/** What standbys need to know of the log, as far as it was read. */
final class HotStandbySeries {

    private HotStandbySeries() {}

    static void add(Families families, HotStandbyNeeds needs) {
        needs.inForce().ifPresent(parameters -> {
            settings(families, parameters.values());
            position(families, "wal_parameter_position_bytes", "Where the settings in the log changed last (LSN as a number of bytes)", parameters.at());
        });
        needs.snapshot().ifPresent(snapshot -> families.gauge(
                "running_xacts_overflowed",
                "Whether the newest list of running transactions in the log lacks some, so that a standby that starts there has to wait",
                snapshot.running().overflowed() ? 1 : 0));
        needs.overflowed().ifPresent(snapshot -> position(
                families, "running_xacts_overflowed_position_bytes", "Where the log has the newest such list that lacked some (LSN as a number of bytes)", snapshot.at()));
        needs.epoch().ifPresent(epoch -> {
            families.gauge("next_xid", "Next transaction identifier, with its epoch, as the log said last", epoch.nextXid().value());
            needs.removalHorizon().ifPresent(horizon ->
                    families.gauge("removal_horizon_xid", "Newest transaction, with its epoch, of which the log removes rows that a query may still need", horizon.value()));
        });
        needs.removal().ifPresent(removal ->
                position(families, "removal_horizon_position_bytes", "Where the log removes the newest rows (LSN as a number of bytes)", removal.at()));
    }

    private static void settings(Families families, ServerParameters values) {
        Families.Gauge family = families.gauge("wal_parameter", "Settings of the primary that standbys depend on, as the log said last");
        values.minimums().forEach((name, value) -> family.at(value, "name", name));
        family.at(values.walLevel().number(), "name", "wal_level")
                .at(values.walLogHints() ? 1 : 0, "name", "wal_log_hints")
                .at(values.trackCommitTimestamp() ? 1 : 0, "name", "track_commit_timestamp")
                .done();
    }

    private static void position(Families families, String name, String help, Lsn at) {
        if (at.isValid()) {
            families.gauge(name, help, RelayCollector.bytes(at));
        }
    }
}
