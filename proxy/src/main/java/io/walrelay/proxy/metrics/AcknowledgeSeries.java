package io.walrelay.proxy.metrics;

import io.walrelay.cache.EndOfWal;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Acknowledging;
import io.walrelay.proxy.acknowledge.Positions;
import io.walrelay.proxy.acknowledge.Positions.Stage;
import io.walrelay.proxy.acknowledge.Standing;
import io.walrelay.wal.Lsn;
import java.util.Arrays;
import java.util.List;

/** The series of the policy of acknowledgement, by member and stage; none where it waits for no standby. */
final class AcknowledgeSeries {

    private AcknowledgeSeries() {}

    static void add(Families families, Acknowledging acknowledging, EndOfWal own) {
        if (!acknowledging.policy().waitsForStandbys()) {
            return;
        }
        Acknowledgement now = acknowledging.look(own);
        Families.Gauge positions = families.gauge("acknowledge_position_bytes", "What upstream may be told, by the policy (LSN as a number of bytes)");
        Families.Gauge waiting = families.gauge("acknowledge_waiting_bytes", "WAL that the relay has and may not acknowledge, because standbys have not confirmed it");
        for (Stage stage : Stage.values()) {
            at(positions, now.positions(), stage);
            now.waitingBytes(stage).ifPresent(bytes -> waiting.at(bytes, "stage", label(stage)));
        }
        positions.done();
        waiting.done();
        members(families, now);
        families.gauge(
                "acknowledge_commits_waiting",
                "Whether commits have waited for standbys for more than a second (event commit-waiting)",
                acknowledging.waiting().isPresent() ? 1 : 0);
    }

    private static void members(Families families, Acknowledgement now) {
        List<String> waitedFor = now.waitedFor(Stage.FLUSH);
        Families.Gauge connected = families.gauge("acknowledge_member_connected", "Whether the standby that the policy names streams, has caught up and says what it flushed");
        Families.Gauge waited = families.gauge("acknowledge_member_waited_for", "Whether WAL that the relay has flushed waits for the standby's confirmation");
        Families.Gauge positions = families.gauge("acknowledge_member_position_bytes", "What the standby has confirmed (LSN as a number of bytes)");
        for (Standing member : now.members()) {
            connected.at(member.connected() ? 1 : 0, "member", member.name());
            waited.at(waitedFor.contains(member.name()) ? 1 : 0, "member", member.name());
            for (Stage stage : Stage.values()) {
                at(positions, member.confirmed(), stage, "member", member.name());
            }
        }
        connected.done();
        waited.done();
        positions.done();
    }

    private static void at(Families.Gauge gauge, Positions positions, Stage stage, String... labels) {
        Lsn position = positions.at(stage);
        if (position.isValid()) {
            String[] all = Arrays.copyOf(labels, labels.length + 2);
            all[labels.length] = "stage";
            all[labels.length + 1] = label(stage);
            gauge.at(RelayCollector.bytes(position), all);
        }
    }

    /** As in pg_stat_replication. */
    private static String label(Stage stage) {
        return switch (stage) {
            case WRITE -> "write";
            case FLUSH -> "flush";
            case APPLY -> "replay";
        };
    }
}
