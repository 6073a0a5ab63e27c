package io.walrelay.cache.verify;

import io.walrelay.cache.Gap;
import io.walrelay.cache.KnownWal;
import io.walrelay.cache.archive.ArchiveReader;
import io.walrelay.cache.storage.Storage;
import io.walrelay.cache.verify.FileReading.Shelf;
import io.walrelay.cache.verify.Report.Range;
import io.walrelay.cache.verify.Report.Standing;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.SystemId;
import io.walrelay.wal.TimelineHistory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** Reads all that is kept of a cluster, and reports. Runs once, on one thread, which waits for disk and archive. */
public final class Verification {

    /** A data directory, and what it says of itself. */
    public record Disk(Storage storage, KnownWal known) {}

    private final SystemId system;
    private final SegmentSize size;
    private final Optional<Disk> disk;
    private final Optional<ArchiveReader> archive;
    private final boolean quick;
    private final Progress progress;
    private final Findings findings = new Findings();
    private final Inventory inventory;
    private final FileReading files;
    private final Judging judging;
    private final Set<Tier> notListed = EnumSet.noneOf(Tier.class);
    private List<Gap> knownGaps = List.of();

    /** @param quick whether only names and lengths are looked at */
    public Verification(SystemId system, SegmentSize size, Optional<Disk> disk, Optional<ArchiveReader> archive, boolean quick, Progress progress) {
        this.system = system;
        this.size = size;
        this.disk = disk;
        this.archive = archive;
        this.quick = quick;
        this.progress = progress;
        this.inventory = new Inventory(system, size);
        Shelf nothing = (_, _) -> false;
        Shelf local = disk.<Shelf>map(d -> new DiskShelf(d.storage())).orElse(nothing);
        Shelf remote = archive.<Shelf>map(reader -> (file, into) -> reader.read(file.path(), into)).orElse(nothing);
        this.files = new FileReading(local, remote, progress);
        this.judging = new Judging(files, size, findings);
    }

    /** A tier whose existence is known and that can't be asked is reported, too. */
    public Verification without(Tier tier, String reason) {
        notListed.add(tier);
        findings.unread(tier.word(), reason, Optional.empty());
        return this;
    }

    public Report run() throws InterruptedException {
        Optional<TimelineHistory> own = list();
        List<Report.Branch> branches = new ArrayList<>();
        if (own.isPresent() || !inventory.isEmpty()) {
            progress.expect(inventory.count() * size.bytes());
            List<BranchPlan> plans = BranchPlan.of(inventory, own.orElseGet(inventory::newest));
            for (BranchPlan plan : plans) {
                branch(plan).ifPresent(branches::add);
            }
            plans.forEach(this::gaps);
            if (quick) {
                lengthsOnDisk();
            } else {
                filesApart();
            }
        }
        return new Report(
                system, size, branches, findings.problems(), findings.moreProblems(), findings.unread(), findings.vanished(), progress.read(), quick);
    }

    /** Looks up what there is. Returns the relay's own lineage, if there is a relay's directory. */
    private Optional<TimelineHistory> list() {
        Optional<TimelineHistory> own = Optional.empty();
        Optional<KnownWal> known = disk.map(Disk::known);
        if (disk.isPresent()) {
            try {
                known = Optional.of(new DiskListing(disk.get().storage(), findings).list(inventory, disk.get().known()));
            } catch (IOException e) {
                without(Tier.DISK, String.valueOf(e.getMessage()));
            }
            own = known.map(KnownWal::lineage);
            knownGaps = known.map(KnownWal::gaps).orElse(List.of());
        }
        if (archive.isPresent()) {
            ArchiveListing listing = new ArchiveListing(archive.get(), inventory, findings);
            known.ifPresent(told -> {
                listing.know(told.lineage());
                told.orphans().forEach(orphan -> listing.know(orphan.lineage()));
            });
            try {
                listing.list();
            } catch (IOException e) {
                without(Tier.ARCHIVE, String.valueOf(e.getMessage()));
            }
        }
        return own;
    }

    /** Reads a lineage. Empty when it has nothing of its own: it ended where it was left. */
    private Optional<Report.Branch> branch(BranchPlan plan) throws InterruptedException {
        List<Range> ranges;
        Optional<String> end = Optional.empty();
        if (quick) {
            ranges = held(plan);
        } else {
            try (CourseSource source = new CourseSource(plan.course(), files, judging::judge)) {
                BranchReader reader = new BranchReader(plan, system, source, knownGaps, findings);
                reader.read();
                ranges = reader.ranges();
                end = Optional.of(reader.end());
            } catch (IOException e) {
                throw (InterruptedException) new InterruptedException("interrupted").initCause(e);
            }
        }
        Lsn fork = plan.fork().orElse(Lsn.INVALID);
        boolean hasOwn = plan.standing() == Standing.OWN || ranges.stream().anyMatch(range -> range.to().isAfter(fork));
        return hasOwn
                ? Optional.of(new Report.Branch(plan.course().lineage(), plan.standing(), plan.parent().map(TimelineHistory::id), plan.fork(), ranges, end))
                : Optional.empty();
    }

    private void lengthsOnDisk() {
        for (LineageFiles lineage : inventory.lineages()) {
            for (StoredFile file : lineage.wholeOnDisk()) {
                judging.judgeLength(file, disk.orElseThrow().storage());
            }
        }
    }

    private void filesApart() {
        for (LineageFiles lineage : inventory.lineages()) {
            for (StoredFile file : lineage.apart()) {
                judging.judge(file, files.read(file));
            }
        }
    }

    /** What is there by name: whole segments that follow each other. */
    private List<Range> held(BranchPlan plan) {
        Course course = plan.course();
        List<Range> ranges = new ArrayList<>();
        OptionalLong at = course.atLeast(plan.from());
        while (at.isPresent()) {
            long first = at.getAsLong();
            long next = first;
            while (course.hasWhole(next, Tier.DISK) || course.hasWhole(next, Tier.ARCHIVE)) {
                next++;
            }
            if (next > first) {
                ranges.add(new Range(size.start(first), size.start(next), size.start(first)));
            }
            at = course.atLeast(Math.max(next, first + 1));
        }
        return ranges;
    }

    /** Where a tier could not be listed, nothing is known to be missing. */
    private void gaps(BranchPlan plan) {
        if (!notListed.isEmpty()) {
            return;
        }
        Gaps.everywhere(plan, inventory, knownGaps).forEach(findings::problem);
        if (archive.isPresent()) {
            try {
                Gaps.inArchive(plan, inventory, archive.get()).forEach(findings::problem);
            } catch (IOException e) {
                findings.unread(Tier.ARCHIVE.word(), String.valueOf(e.getMessage()), Optional.empty());
            }
        }
    }
}
