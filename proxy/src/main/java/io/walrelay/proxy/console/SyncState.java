package io.walrelay.proxy.console;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.acknowledge.Acknowledgement;
import io.walrelay.proxy.acknowledge.Standing;
import java.util.Optional;

/**
 * What upstream.acknowledge makes of a standby, as pg_stat_replication shows what synchronous_standby_names does (syncrep.c, walsender.c).
 *
 * @param priority 0 for one that the policy does not name
 * @param state async, potential, sync or quorum
 */
record SyncState(int priority, String state) {

    private static final SyncState ASYNC = new SyncState(0, "async");

    /** @param member that a session speaks for ({@link io.walrelay.proxy.acknowledge.Acknowledging#memberOf}) */
    static SyncState of(Acknowledgement now, Optional<String> member) {
        int at = member.map(name -> now.members().stream().map(Standing::name).toList().indexOf(name)).orElse(-1);
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
