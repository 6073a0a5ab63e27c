package io.walrelay.proxy.http;

import io.walrelay.cache.slot.SlotImport;
import java.util.Optional;

/**
 * What became of a slot of another server.
 *
 * @param outcome imported, kept (the relay has one of that name, which stays as it is) or refused
 * @param restartLsn from where on it keeps WAL, when it was imported
 * @param reason why it was refused
 */
public record ImportedSlot(String name, String outcome, Optional<String> restartLsn, Optional<String> reason) {

    static ImportedSlot of(SlotImport slot) {
        return switch (slot) {
            case SlotImport.Taken(var name, var from) -> new ImportedSlot(name, "imported", Optional.of(from.toString()), Optional.empty());
            case SlotImport.Kept(var name) -> new ImportedSlot(name, "kept", Optional.empty(), Optional.empty());
            case SlotImport.Refused(var name, var reason) -> new ImportedSlot(name, "refused", Optional.empty(), Optional.of(reason));
        };
    }
}
