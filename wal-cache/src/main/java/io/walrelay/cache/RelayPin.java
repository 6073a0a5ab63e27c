package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.Pin;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * What one relay needs of the archive, as a pin of its own that moves along: relays that share an archive know nothing else of each other's slots.
 * A pin is never changed, so it moves by a new one, put before the old one goes. Confined to one thread.
 */
final class RelayPin {

    /** What the names of such pins begin with; no other's does. */
    static final String PREFIX = "relay_";

    private static final String PATH = "relay-id";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALRLYID", 1);
    private static final int ID_DIGITS = 12;

    private final String prefix;
    private final String note;

    private RelayPin(String id, String note) {
        this.prefix = PREFIX + id + ".";
        this.note = note;
    }

    /** @param note by which people know the relay */
    static RelayPin load(DurableFiles files, String note) throws IOException {
        String id = files.read(PATH, FORMAT).map(body -> new String(body, StandardCharsets.US_ASCII)).orElse("");
        if (id.isEmpty()) {
            id = UUID.randomUUID().toString().replace("-", "").substring(0, ID_DIGITS);
            files.write(PATH, FORMAT, id.getBytes(StandardCharsets.US_ASCII));
        }
        return new RelayPin(id, note);
    }

    boolean isOwn(Pin pin) {
        return pin.name().startsWith(prefix);
    }

    /** Makes the archive say that this relay needs {@code lineage} from {@code from} on. */
    void moveTo(Archive archive, TimelineHistory lineage, Lsn from, Instant now) throws IOException {
        List<Pin> own = new ArrayList<>(archive.pins().stream().filter(this::isOwn).toList());
        boolean there = own.removeIf(pin -> pin.isAt(lineage, from));
        if (!there) {
            long number = now.toEpochMilli();
            while (!archive.pin(new Pin(prefix + number, lineage, from, now, note))) {
                number++;
            }
        }
        for (Pin old : own) {
            var _ = archive.unpin(old.name());
        }
    }
}
