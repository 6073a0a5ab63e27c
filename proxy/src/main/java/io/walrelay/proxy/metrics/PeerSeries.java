package io.walrelay.proxy.metrics;

import io.walrelay.cache.slot.Home;
import io.walrelay.proxy.state.PeerStatus;
import io.walrelay.proxy.state.RelayState;
import java.time.Duration;
import java.util.Map;

/** The series of the relays beside this one, by URL. */
final class PeerSeries {

    private static final String PEER = "peer";

    private PeerSeries() {}

    static void add(Families families, RelayState relay) {
        Map<String, Long> mirrors = relay.cache().map(cache -> Home.mirrorsByUrl(cache.slots().all())).orElse(Map.of());
        Families.Gauge up = families.gauge("peer_up", "Whether slots are kept in step with the peer");
        Families.Gauge slots = families.gauge("peer_slots", "Slots that this relay has because they are at home with the peer");
        Families.Gauge age = families.gauge("peer_last_answer_age_seconds", "Time since the peer answered");
        for (PeerStatus peer : relay.peers()) {
            if (peer.state() == PeerStatus.State.SELF) {
                continue; // Settings may be the same for all relays; nobody is alarmed because one does not ask itself.
            }
            up.at(peer.state() == PeerStatus.State.UP ? 1 : 0, PEER, peer.url());
            slots.at(mirrors.getOrDefault(peer.url(), 0L), PEER, peer.url());
            peer.lastAnswer().ifPresent(at -> age.at(RelayCollector.seconds(Duration.between(at, relay.clock().instant())), PEER, peer.url()));
        }
        up.done();
        slots.done();
        age.done();
    }
}
