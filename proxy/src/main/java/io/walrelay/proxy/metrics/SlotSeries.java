package io.walrelay.proxy.metrics;

import io.walrelay.cache.slot.SlotStatus;
import io.walrelay.cache.slot.WalStatus;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The slots' series, by name. */
final class SlotSeries {

    private SlotSeries() {}

    static void add(Families families, List<SlotStatus> slots, Instant now) {
        Families.Gauge retained = families.gauge("slot_retained_bytes", "WAL that the slot keeps from being freed");
        Families.Gauge safe = families.gauge("slot_safe_bytes", "WAL that may still be written before the slot holds more than it may, negative when it does");
        Families.Gauge active = families.gauge("slot_active", "Whether a session uses the slot");
        Families.Gauge inactive = families.gauge("slot_inactive_seconds", "For how long nobody has used the slot, as far as this process has seen");
        Families.Gauge lost = families.gauge("slot_lost", "Whether no tier has WAL that the slot needs (wal_status lost)");
        Families.Gauge mirrored = families.gauge("slot_mirrored", "Whether the slot is kept here because it is at home with a peer");
        ByName.group(slots, status -> status.slot().name()).forEach((name, group) -> {
            group.stream().flatMap(s -> s.retained().stream()).mapToLong(Long::longValue).max().ifPresent(most -> retained.at(most, "slot", name));
            group.stream().flatMap(s -> s.safe().stream()).mapToLong(Long::longValue).min().ifPresent(least -> safe.at(least, "slot", name));
            active.at(group.stream().filter(s -> s.slot().activePid().isPresent()).count(), "slot", name);
            group.stream()
                    .flatMap(s -> s.slot().inactiveSince().stream())
                    .mapToDouble(since -> RelayCollector.seconds(Duration.between(since, now)))
                    .max()
                    .ifPresent(longest -> inactive.at(longest, "slot", name));
            lost.at(group.stream().filter(s -> s.walStatus().equals(Optional.of(WalStatus.LOST))).count(), "slot", name);
            mirrored.at(group.stream().filter(s -> !s.slot().home().isHere()).count(), "slot", name);
        });
        retained.done();
        safe.done();
        active.done();
        inactive.done();
        lost.done();
        mirrored.done();
    }
}
