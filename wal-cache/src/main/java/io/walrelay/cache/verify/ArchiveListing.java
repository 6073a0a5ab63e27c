package io.walrelay.cache.verify;

import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.archive.DamagedObjectException;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Looks up what the archive has. */
final class ArchiveListing {

    private static final Pattern LINEAGE = Pattern.compile("([0-9]+)@[0-9A-F]+_[0-9A-F]+-[0-9a-f]{8}");

    private final ArchiveReader archive;
    private final Inventory inventory;
    private final Findings findings;
    private final SegmentSize size;
    private final Map<String, TimelineHistory> known = new HashMap<>();

    ArchiveListing(ArchiveReader archive, Inventory inventory, Findings findings) {
        this.archive = archive;
        this.inventory = inventory;
        this.findings = findings;
        this.size = inventory.size();
    }

    /** A history that the relay knows, so that the archive need not tell it. */
    void know(TimelineHistory lineage) {
        known.put(lineage.directoryName(), lineage);
        lineage.ancestors().forEach(ancestor -> {
            TimelineHistory parent = lineage.upTo(ancestor.timeline());
            known.put(parent.directoryName(), parent);
        });
    }

    /** @throws IOException when the archive can't be asked */
    void list() throws IOException {
        for (String directory : archive.lineages(inventory.system())) {
            Optional<TimelineHistory> lineage = lineage(directory);
            if (lineage.isPresent()) {
                archive.list(inventory.system(), directory, object -> place(lineage.get(), object.key()));
            }
        }
    }

    /** The history that a directory is named after: one that is known, a root's, or what the file in it says. */
    private Optional<TimelineHistory> lineage(String directory) throws IOException {
        Optional<TimelineId> timeline = timelineOf(directory);
        if (timeline.isEmpty()) {
            unknown(inventory.system() + "/" + directory, "no lineage is called so");
            return Optional.empty();
        }
        TimelineHistory root = TimelineHistory.root(timeline.get());
        if (root.directoryName().equals(directory)) {
            return Optional.of(root);
        }
        String path = "%s/%s/%s".formatted(inventory.system(), directory, new WalFileName.History(timeline.get()).fileName(size));
        Optional<TimelineHistory> told = read(path, timeline.get());
        if (told.isPresent() && !told.get().directoryName().equals(directory)) {
            findings.problem(new Problem.MissingHistory(path, "it is the history of lineage %s".formatted(told.get().id())));
        } else if (told.isPresent()) {
            know(told.get());
        }
        return Optional.ofNullable(known.get(directory));
    }

    /** Empty when no lineage can be called so. */
    static Optional<TimelineId> timelineOf(String directory) {
        Matcher lineage = LINEAGE.matcher(directory);
        try {
            return lineage.matches() ? Optional.of(TimelineId.parse(lineage.group(1))) : Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private Optional<TimelineHistory> read(String path, TimelineId timeline) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try {
            if (archive.read(path, text)) {
                return Optional.of(TimelineHistory.parse(timeline, text.toString(StandardCharsets.UTF_8)));
            }
            findings.problem(new Problem.MissingHistory(path, "the archive has not got it, and has WAL of that timeline"));
        } catch (DamagedObjectException.WrongKeyException e) {
            findings.unread(path, String.valueOf(e.getMessage()), Optional.empty());
        } catch (DamagedObjectException | IllegalArgumentException e) {
            findings.problem(new Problem.MissingHistory(path, String.valueOf(e.getMessage())));
        }
        return Optional.empty();
    }

    private void place(TimelineHistory lineage, String key) {
        Optional<String> beside = ArchiveReader.besideWhat(key);
        String place = beside.orElse(key);
        Optional<WalFileName> name = WalFileName.parse(place.substring(place.lastIndexOf('/') + 1), size);
        if (name.isEmpty()) {
            unknown(key, "not a name of PostgreSQL's with segments of %s".formatted(size));
        } else if (!name.get().timeline().equals(lineage.timeline())) {
            unknown(key, "it is not of timeline %s".formatted(lineage.timeline()));
        } else {
            StoredFile proper = inventory.archived(lineage, name.get());
            StoredFile file = new StoredFile(Tier.ARCHIVE, key, lineage, name.get(), beside.isPresent());
            Lsn end = file.segment().map(id -> id.end(size)).orElse(lineage.begin());
            if (!proper.path().equals(place)) {
                unknown(key, "expected as %s".formatted(proper.path()));
            } else if (file.segment().isPresent() && !end.isAfter(lineage.begin())) {
                unknown(key, "timeline %s begins at %s".formatted(lineage.timeline(), lineage.begin()));
            } else {
                inventory.add(file);
                if (file.beside()) {
                    findings.problem(new Problem.Conflict(file, file.span(size)));
                }
            }
        }
    }

    private void unknown(String key, String reason) {
        findings.problem(new Problem.UnknownFile(key, reason));
    }
}
