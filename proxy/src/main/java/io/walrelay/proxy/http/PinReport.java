package io.walrelay.proxy.http;

import io.walrelay.cache.archive.Pin;
import java.time.Instant;

/**
 * A pin as {@code /api/v1/pins} shows it.
 *
 * @param lineage the timeline with its switch point and a hash of its history
 */
public record PinReport(String name, String lsn, long timeline, String lineage, Instant created, String note) {

    static PinReport of(Pin pin) {
        return new PinReport(
                pin.name(), pin.from().toString(), pin.lineage().timeline().toLong(), pin.lineage().id(), pin.created(), pin.note());
    }
}
