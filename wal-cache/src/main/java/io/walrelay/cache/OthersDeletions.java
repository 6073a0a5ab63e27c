package io.walrelay.cache;

import io.walrelay.cache.archive.Archive;
import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.archive.Deletion;
import io.walrelay.cache.retention.ArchiveRetention;
import io.walrelay.cache.retention.ArchiveRetention.Need;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What other relays delete now: who announced that before this relay's pins were there may not have seen them. Confined to one thread. */
final class OthersDeletions {

    private final Archive archive;
    private final List<Need> needs;
    private final SegmentSize size;
    /** By directory; empty when it can't be told which it is. */
    private final Map<String, Optional<TimelineHistory>> lineages = new HashMap<>();

    OthersDeletions(Archive archive, List<Need> needs, SegmentSize size) {
        this.archive = archive;
        this.needs = needs;
        this.size = size;
        for (Need need : needs) {
            TimelineHistory lineage = need.lineage();
            lineages.put(lineage.directoryName(), Optional.of(lineage));
            lineage.ancestors().stream().map(ancestor -> lineage.upTo(ancestor.timeline())).forEach(it -> lineages.put(it.directoryName(), Optional.of(it)));
        }
    }

    /** Files that go and that somebody here needs. */
    Set<ArchivedName> needed(Deletion deletion) throws IOException {
        Set<ArchivedName> needed = new HashSet<>();
        for (String key : deletion.keys()) {
            Optional<ArchivedName> name = lineage(key.substring(0, Math.max(0, key.indexOf('/')))).flatMap(it -> ArchivedName.parse(it, key, size));
            name.filter(it -> ArchiveRetention.isNeeded(it, needs)).ifPresent(needed::add);
        }
        return needed;
    }

    private Optional<TimelineHistory> lineage(String directory) throws IOException {
        Optional<TimelineHistory> known = lineages.get(directory);
        if (known == null) {
            known = archive.lineage(directory);
            lineages.put(directory, known);
        }
        return known;
    }
}
