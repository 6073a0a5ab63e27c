package io.walrelay.proxy.metrics;

import io.walrelay.proxy.shaping.Hold;
import io.walrelay.proxy.shaping.Shaped;
import io.walrelay.proxy.state.StandbyStatus;
import java.util.List;

/** What holds single standbys back, by name. */
final class ShapingSeries {

    private ShapingSeries() {}

    /** By the name under which it is said, which may be a slot's. */
    static void add(Families families, List<Shaped> shaped) {
        Families.Gauge paused = families.gauge("standby_paused", "Whether an operator has paused the standby");
        Families.Gauge delay = families.gauge("standby_delay_seconds", "How long after its commit the standby is sent a transaction");
        Families.Gauge rate = families.gauge("standby_rate_limit_bytes", "WAL that the standby is sent in a second at most");
        ByName.group(shaped, Shaped::name).forEach((name, group) -> {
            paused.at(group.stream().filter(s -> s.word().paused()).count(), "standby", name);
            group.stream().flatMap(s -> s.delay().stream()).map(RelayCollector::seconds).max(Double::compare).ifPresent(most -> delay.at(most, "standby", name));
            group.stream().flatMap(s -> s.bytesPerSecond().stream()).min(Long::compare).ifPresent(least -> rate.at(least, "standby", name));
        });
        paused.done();
        delay.done();
        rate.done();
    }

    /** By the name under which a standby's other series are. */
    static void addHeld(Families families, List<StandbyStatus> standbys) {
        Families.Gauge held = families.gauge("standbys_held", "Streams that are not sent all WAL that there is, by reason");
        for (Hold.Why why : Hold.Why.values()) {
            held.at(count(standbys, why), "why", why.toString());
        }
        held.done();
        Families.Gauge named = families.gauge("standby_held", "Streams of that name that are not sent all WAL that there is, by reason");
        ByName.group(standbys, StandbyStatus::name).forEach((name, group) -> {
            for (Hold.Why why : Hold.Why.values()) {
                named.at(count(group, why), "standby", name, "why", why.toString());
            }
        });
        named.done();
    }

    private static long count(List<StandbyStatus> standbys, Hold.Why why) {
        return standbys.stream().filter(s -> s.held().map(Hold::why).filter(why::equals).isPresent()).count();
    }
}
