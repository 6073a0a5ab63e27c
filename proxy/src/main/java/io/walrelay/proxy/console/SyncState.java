package io.walrelay.proxy.console;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Standing;
import io.walrelay.proxy.state.StandbyStatus;
import java.util.List;

/**
 * What upstream.acknowledge makes of a standby, as pg_stat_replication shows what synchronous_standby_names does (syncrep.c, walsender.c).
 *
 * @param priority 0 for one that the policy does not name
 * @param state async, potential, sync or quorum
 */
record SyncState(int priority, String state) {

    private static final SyncState ASYNC = new SyncState(0, "async");

    static SyncState of(Acknowledgement now, StandbyStatus standby) {
        List<String> names = now.members().stream().map(member -> AcknowledgePolicy.key(member.name())).toList();
        int bySlot = standby.slot().map(slot -> names.indexOf(AcknowledgePolicy.key(slot))).orElse(-1);
        int at = bySlot >= 0 ? bySlot : names.indexOf(AcknowledgePolicy.key(standby.name()));
        if (at < 0) {
            return ASYNC;
        }
        return switch (now.policy()) {
            case AcknowledgePolicy.Own() -> ASYNC;
            case AcknowledgePolicy.All _ -> new SyncState(at + 1, "sync");
            case AcknowledgePolicy.Any _ -> new SyncState(1, "quorum");
            case AcknowledgePolicy.First(var count, _) -> {
                long before = now.members().subList(0, at).stream().filter(Standing::connected).count();
                yield new SyncState(at + 1, before < count ? "sync" : "potential");
            }
        };
    }
}
