package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchiveTier;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Deletion;
import io.walrelay.cache.archive.Pin;
import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.cache.storage.DurableFiles;
import io.walrelay.wal.Lsn;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * What one relay says in the archive: what it needs, as pins of its own that move along, one for each lineage, and what it deletes. Relays that
 * share an archive know nothing else of each other. A pin is never changed, so it moves by a new one, put before the old one goes. Which relay this
 * is, and in which archive it has pins, is in the file {@code relay-id} of the data directory. Confined to one thread, but for {@link #isKnown}.
 */
final class RelayPins {

    /** What the names of such pins begin with; no other's does. */
    static final String PREFIX = "relay_";

    private static final String PATH = "relay-id";
    private static final DurableFiles.Format FORMAT = new DurableFiles.Format("WALRLYID", 1);
    private static final int ID_DIGITS = 12;

    private final DurableFiles files;
    private final String id;
    private final String prefix;
    private final String note;
    private String archiveId;
    private volatile boolean known;
    private Map<String, Need> said = Map.of();

    private RelayPins(DurableFiles files, String id, String note, String archiveId, boolean known) {
        this.files = files;
        this.id = id;
        this.prefix = PREFIX + id + ".";
        this.note = note;
        this.archiveId = archiveId;
        this.known = known;
    }

    /** @param note by which people know the relay */
    static RelayPins load(DurableFiles files, String note, ArchiveTier tier) throws IOException {
        Optional<byte[]> body = files.read(PATH, FORMAT);
        if (body.isEmpty()) {
            RelayPins pins = new RelayPins(files, UUID.randomUUID().toString().replace("-", "").substring(0, ID_DIGITS), note, "", false);
            pins.save();
            return pins;
        }
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(body.get()))) {
            String id = in.readUTF();
            String archiveId = in.readUTF();
            return new RelayPins(files, id, note, archiveId, tier.knownId().filter(archiveId::equals).isPresent());
        }
    }

    private void save() throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(body)) {
            out.writeUTF(id);
            out.writeUTF(archiveId);
        }
        files.write(PATH, FORMAT, body.toByteArray());
    }

    /** Whether the archive has pins of this relay's, which others heed. Any thread. */
    boolean isKnown() {
        return known;
    }

    boolean isOwn(Pin pin) {
        return pin.name().startsWith(prefix);
    }

    boolean isOwn(Deletion deletion) {
        return deletion.name().startsWith(prefix);
    }

    /** Whether all that is needed was said by {@link #say}. */
    boolean cover(Collection<Need> needs) {
        return oldest(needs).entrySet().stream().allMatch(need -> said.containsKey(need.getKey()) && said.get(need.getKey()).from().isAtMost(need.getValue().from()));
    }

    /** Makes the archive say that this relay needs that, and no more. */
    void say(Archive archive, Collection<Need> needs, Instant now) throws IOException {
        Map<String, Need> saying = oldest(needs);
        List<Pin> left = new ArrayList<>(archive.notes().pins().stream().filter(this::isOwn).toList());
        for (Need need : saying.values()) {
            boolean there = left.removeIf(pin -> pin.isAt(need.lineage(), need.from()));
            if (!there) {
                put(archive, need, now);
            }
        }
        for (Pin old : left) {
            var _ = archive.notes().unpin(old.name());
        }
        said = saying;
    }

    /** Nobody deletes what was said to be needed: all who began before it was said have ended. */
    void areHeard(Archive archive) throws IOException {
        if (!archiveId.equals(archive.id())) {
            archiveId = archive.id();
            save();
        }
        known = true;
    }

    /** The oldest need of each lineage, by its id. */
    private static Map<String, Need> oldest(Collection<Need> needs) {
        Map<String, Need> oldest = new TreeMap<>();
        needs.forEach(need -> oldest.merge(need.lineage().id(), need, (a, b) -> a.from().isAtMost(b.from()) ? a : b));
        return oldest;
    }

    private void put(Archive archive, Need need, Instant now) throws IOException {
        Lsn from = need.from();
        long number = now.toEpochMilli();
        while (!archive.notes().pin(new Pin(prefix + number, need.lineage(), from, now, note))) {
            number++;
        }
    }

    /** Says which files this relay deletes from now on. Whoever pins one of them after this is told. */
    void announce(Archive archive, Collection<ArchivedName> names, Instant now) throws IOException {
        Set<String> keys = names.stream().map(ArchivedName::key).collect(Collectors.toSet());
        long number = now.toEpochMilli();
        while (!archive.notes().announce(new Deletion(prefix + number, keys))) {
            number++;
        }
    }

    /** This relay deletes nothing now; what an earlier run has announced is over, too. */
    void withdraw(Archive archive) throws IOException {
        for (Deletion deletion : archive.notes().deletions()) {
            if (isOwn(deletion)) {
                archive.notes().withdraw(deletion);
            }
        }
    }
}
