package io.walrelay.proxy.http;

import io.walrelay.cache.slot.SlotImport;
import io.walrelay.wal.Lsn;
import org.jspecify.annotations.Nullable;

/**
 * A slot of another server, which the relay is asked to take over.
 *
 * @param restartLsn null while it reserves nothing
 */
public record ForeignSlot(@Nullable String name, @Nullable String restartLsn) {

    /** @throws IllegalArgumentException when it has no name, or a position that is none */
    SlotImport.Wanted wanted() {
        if (name == null) {
            throw new IllegalArgumentException("a slot without a name; expected {\"name\": \"SLOT\", \"restart_lsn\": \"0/3000000\"}");
        }
        return new SlotImport.Wanted(name, restartLsn == null ? Lsn.INVALID : Lsn.parse(restartLsn));
    }
}
