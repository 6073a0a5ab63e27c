package io.walrelay.proxy.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.walrelay.cache.HotStandbyNeeds;
import io.walrelay.wal.FullTransactionId;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.format.RecordBody;
import io.walrelay.wal.format.RelationFile;
import io.walrelay.wal.format.ServerParameters;
import io.walrelay.wal.format.WalLevel;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class HotStandbySeriesTest {

    private static final TimelineHistory LINEAGE = TimelineHistory.root(TimelineId.of(1));
    private static final ServerParameters SETTINGS = new ServerParameters(200, 8, 10, 5, 64, WalLevel.LOGICAL, true, false);

    private static Map<String, Double> series(HotStandbyNeeds needs) {
        Families families = new Families();
        HotStandbySeries.add(families, needs);
        Map<String, Double> all = new TreeMap<>();
        families.build().stream().map(GaugeSnapshot.class::cast).forEach(family -> family.getDataPoints().forEach(point -> all.put(
                family.getMetadata().getName().substring("walrelay_".length()) + (point.getLabels().isEmpty() ? "" : " " + point.getLabels().get("name")),
                point.getValue())));
        return all;
    }

    private static HotStandbyNeeds needs(Lsn changed, Optional<HotStandbyNeeds.Epoch> next) {
        HotStandbyNeeds.Snapshot whole =
                new HotStandbyNeeds.Snapshot(new Lsn(4_096), Optional.empty(), new RecordBody.RunningTransactions(0, 0, false, 1_000, 1_000, 999));
        HotStandbyNeeds.Snapshot overflowed =
                new HotStandbyNeeds.Snapshot(new Lsn(2_048), Optional.empty(), new RecordBody.RunningTransactions(1, 0, true, 990, 900, 989));
        return new HotStandbyNeeds(
                LINEAGE,
                List.of(new HotStandbyNeeds.Parameters(changed, Optional.empty(), SETTINGS)),
                Optional.of(whole),
                Optional.of(overflowed),
                Optional.of(new HotStandbyNeeds.Removal(new Lsn(8_192), Optional.empty(), RecordBody.Cause.BTREE_DELETE, new RelationFile(1, 2, 3), 995)),
                next);
    }

    @Test
    void sayWhatIsKnown() {
        Map<String, Double> expected = new TreeMap<>();
        expected.put("wal_parameter max_connections", 200.0);
        expected.put("wal_parameter max_worker_processes", 8.0);
        expected.put("wal_parameter max_wal_senders", 10.0);
        expected.put("wal_parameter max_prepared_transactions", 5.0);
        expected.put("wal_parameter max_locks_per_transaction", 64.0);
        expected.put("wal_parameter wal_level", 2.0);
        expected.put("wal_parameter wal_log_hints", 1.0);
        expected.put("wal_parameter track_commit_timestamp", 0.0);
        expected.put("wal_parameter_position_bytes", 1_024.0);
        expected.put("running_xacts_overflowed", 0.0);
        expected.put("running_xacts_overflowed_position_bytes", 2_048.0);
        expected.put("removal_horizon_position_bytes", 8_192.0);
        expected.put("removal_horizon_xid", 4_294_967_296.0 + 995);
        expected.put("next_xid", 4_294_967_296.0 + 1_000);
        FullTransactionId next = new FullTransactionId((1L << 32) + 1_000);
        assertEquals(expected, series(needs(new Lsn(1_024), Optional.of(new HotStandbyNeeds.Epoch(new Lsn(4_096), next)))));
    }

    @Test
    void sayNothingOfWhatIsNot() {
        Map<String, Double> series = series(needs(Lsn.INVALID, Optional.empty()));
        for (String unknown : List.of("wal_parameter_position_bytes", "removal_horizon_xid", "next_xid")) {
            assertEquals(null, series.get(unknown), unknown);
        }
        HotStandbyNeeds nothing = new HotStandbyNeeds(LINEAGE, List.of(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
        assertEquals(Map.of(), series(nothing));
    }
}
