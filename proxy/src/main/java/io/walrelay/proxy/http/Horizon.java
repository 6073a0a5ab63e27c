package io.walrelay.proxy.http;

import io.walrelay.cache.retention.ArchiveRetention;
import io.walrelay.cache.retention.Retention;
import java.util.Optional;

/**
 * Who keeps the oldest WAL of a tier, and from where on.
 *
 * @param kind slot, failover-slot (of upstream), archive (what is still to be archived), pin, disk (what the relay itself has or has yet to archive), orphan (acknowledged WAL past a
 *     fork) or import (of a folder with older WAL)
 * @param name of the slot, the pin or the folder
 */
public record Horizon(String kind, Optional<String> name, String from) {

    private static final String FAILOVER_SLOT = "failover-slot";

    static Horizon of(Retention.Holder holder) {
        return switch (holder) {
            case Retention.Holder.Slot slot -> new Horizon("slot", Optional.of(slot.name()), slot.from().toString());
            case Retention.Holder.FailoverSlot slot -> new Horizon(FAILOVER_SLOT, Optional.of(slot.name()), slot.from().toString());
            case Retention.Holder.Archive(var from) -> new Horizon("archive", Optional.empty(), from.toString());
        };
    }

    static Horizon of(ArchiveRetention.Need need) {
        return switch (need) {
            case ArchiveRetention.Need.Pin pin -> new Horizon("pin", Optional.of(pin.name()), pin.from().toString());
            case ArchiveRetention.Need.Slot slot -> new Horizon("slot", Optional.of(slot.name()), slot.from().toString());
            case ArchiveRetention.Need.FailoverSlot slot -> new Horizon(FAILOVER_SLOT, Optional.of(slot.name()), slot.from().toString());
            case ArchiveRetention.Need.Disk disk -> new Horizon("disk", Optional.empty(), disk.from().toString());
            case ArchiveRetention.Need.Import folder -> new Horizon("import", Optional.of(folder.folder()), folder.from().toString());
            case ArchiveRetention.Need.Orphan orphan -> new Horizon("orphan", Optional.empty(), orphan.from().toString());
        };
    }
}
