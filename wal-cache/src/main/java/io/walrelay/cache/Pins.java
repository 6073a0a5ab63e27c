package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Deletion;
import io.walrelay.cache.archive.Pin;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What people have pinned in the archive, and what relays have; see {@link Pin}. Thread-safe; asks the archive, so every method blocks. */
public final class Pins {

    private final WalCache cache;
    private final ArchivedWal archived;
    private final SegmentSize size;

    Pins(WalCache cache, ArchivedWal archived) {
        this.cache = cache;
        this.archived = archived;
        this.size = cache.segmentSize();
    }

    /** By name. */
    public List<Pin> all() throws IOException {
        return archived.archive().notes().pins();
    }

    /**
     * Keeps WAL from a position on. The same again changes nothing.
     *
     * @param from by default, from where a base backup that begins now has to replay
     * @param timeline its number, with its beginning where the number was taken twice: {@code 2} or {@code 2@0/3000000}; by default the relay's own
     * @throws IllegalArgumentException when {@code name} can't be a pin's
     * @throws PinRefusedException when WAL from there on is not to be had, or another pin has the name
     */
    public Pin create(String name, Optional<Lsn> from, Optional<String> timeline, String note, Instant now) throws PinRefusedException, IOException {
        if (name.startsWith(RelayPins.PREFIX)) {
            throw new IllegalArgumentException("not a pin's name: \"%s\"; names that begin with %s are the relays' own".formatted(name, RelayPins.PREFIX));
        }
        Archive archive = archived.archive();
        TimelineHistory own = cache.end().lineage();
        TimelineHistory lineage = timeline.isEmpty() ? own : lineage(archive, own, timeline.get());
        if (from.isEmpty() && !lineage.equals(own)) {
            throw new PinRefusedException("timeline %s is not the one that the relay is on, which is %s; expected the position (--lsn), too"
                    .formatted(lineage.timeline(), own.timeline()));
        }
        Pin pin = new Pin(name, lineage, from.isPresent() ? from.get() : cache.replayStart(), now, note);
        return archive.notes().pin(pin) ? made(archive, pin) : there(archive, pin);
    }

    /** The pin was put: who announces a deletion from now on sees it. When the archive can't be asked now, it stays: it keeps too much rather than too little. */
    private Pin made(Archive archive, Pin pin) throws PinRefusedException, IOException {
        try {
            requireHeld(archive, pin);
        } catch (PinRefusedException e) {
            var _ = archive.notes().unpin(pin.name());
            throw e;
        }
        return find(archive, pin);
    }

    /** Somebody has put a pin of the name, maybe just now, and does not know yet whether it keeps anything. */
    private Pin there(Archive archive, Pin pin) throws PinRefusedException, IOException {
        Pin there = find(archive, pin);
        if (!there.isAt(pin.lineage(), pin.from())) {
            throw new PinRefusedException("pin \"%s\" exists, and keeps WAL from %s on timeline %s on; expected another name, or: walrelay pin drop %s"
                    .formatted(pin.name(), there.from(), there.lineage().timeline(), pin.name()));
        }
        try {
            requireHeld(archive, there);
        } catch (PinRefusedException e) {
            throw new PinRefusedException("%s. The pin is there of an earlier request; when no other relay has that WAL: walrelay pin drop %s"
                    .formatted(e.getMessage(), pin.name()));
        }
        return find(archive, pin);
    }

    private static Pin find(Archive archive, Pin pin) throws IOException {
        return archive.notes().pin(pin.name()).orElseThrow(() -> new IOException("pin %s vanished from %s while it was put".formatted(pin.name(), archive)));
    }

    private TimelineHistory lineage(Archive archive, TimelineHistory own, String selector) throws PinRefusedException, IOException {
        Map<String, TimelineHistory> known = new LinkedHashMap<>();
        List<TimelineHistory> newest = new ArrayList<>(List.of(own));
        cache.orphans().forEach(orphan -> newest.add(orphan.lineage()));
        for (String directory : archive.lineages()) {
            archive.lineage(directory).ifPresent(newest::add);
        }
        for (TimelineHistory lineage : newest) {
            lineage.ancestors().forEach(ancestor -> known.putIfAbsent(lineage.upTo(ancestor.timeline()).id(), lineage.upTo(ancestor.timeline())));
            known.putIfAbsent(lineage.id(), lineage);
        }
        List<TimelineHistory> meant = known.values().stream()
                .filter(lineage -> lineage.id().equals(selector) || lineage.id().startsWith(selector + "@") || lineage.id().startsWith(selector + "-"))
                .toList();
        return switch (meant.size()) {
            case 1 -> meant.getFirst();
            case 0 -> throw new PinRefusedException("no timeline \"%s\" is known; expected one of %s".formatted(selector, String.join(", ", known.keySet())));
            default -> throw new PinRefusedException("timeline %s was taken more than once; expected one of %s"
                    .formatted(selector, String.join(", ", meant.stream().map(TimelineHistory::id).toList())));
        };
    }

    private void requireHeld(Archive archive, Pin pin) throws PinRefusedException, IOException {
        TimelineHistory own = cache.end().lineage();
        boolean isOwn = own.reaches(pin.lineage(), pin.from());
        boolean onDisk = isOwn && pin.from().isAtLeast(cache.oldest()) && pin.from().isAtMost(cache.end().written());
        if (onDisk) {
            return;
        }
        List<ArchivedName> names = SegmentFiles.candidates(pin.lineage(), pin.from(), size).stream().map(id -> archived.name(pin.lineage(), id)).toList();
        Optional<Deletion> deletion = archive.notes().deletions().stream().filter(it -> it.isOf(names)).findFirst();
        if (deletion.isPresent()) {
            throw new PinRefusedException("WAL at %s on timeline %s is being deleted from the archive, by the relay whose pins begin as \"%s\" does: it was older than archive.keep"
                    .formatted(pin.from(), pin.lineage().timeline(), deletion.get().name()));
        }
        for (ArchivedName name : names) {
            if (archive.has(name)) {
                return;
            }
        }
        throw new PinRefusedException("neither the relay's disk nor the archive has WAL at %s on timeline %s; on the disk is %s to %s"
                .formatted(pin.from(), pin.lineage().timeline(), cache.oldest(), cache.end().written()));
    }

    /**
     * What a pin kept may go, unless somebody else needs it.
     *
     * @return false when there is no such pin
     */
    public boolean drop(String name) throws IOException {
        return archived.archive().notes().unpin(name);
    }
}
