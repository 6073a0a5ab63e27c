package io.walrelay.cache.verify;

import io.walrelay.cache.verify.Report.Branch;
import io.walrelay.cache.verify.Report.Range;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Whether a recovery would find all WAL that it needs. */
public sealed interface Recovery {

    /** All records are there and good. */
    record Possible() implements Recovery {}

    /** It ends at {@code at}. */
    record Impossible(Lsn at, String reason) implements Recovery {}

    /** What it needs at {@code at} could not be looked at. */
    record Unknown(Lsn at, String reason) implements Recovery {}

    /** The lineages that {@code name} may mean: a timeline's number, or a lineage's id or the beginning of one. */
    static List<TimelineHistory> lineages(Report report, String name) {
        Map<String, TimelineHistory> all = new LinkedHashMap<>();
        for (Branch branch : report.branches()) {
            all.put(branch.lineage().id(), branch.lineage());
            branch.lineage().ancestors().forEach(ancestor -> {
                TimelineHistory parent = branch.lineage().upTo(ancestor.timeline());
                all.put(parent.id(), parent);
            });
        }
        return all.values().stream()
                .filter(lineage -> name.contains("@") ? lineage.id().startsWith(name) : lineage.timeline().toString().equals(name))
                .toList();
    }

    /**
     * Judges by a report: a pure function.
     *
     * @param lineage which a recovery follows
     * @param from where it begins
     * @param to where it has to come to, after {@code from}
     */
    static Recovery along(Report report, TimelineHistory lineage, Lsn from, Lsn to) {
        if (!to.isAfter(from)) {
            throw new IllegalArgumentException("a recovery from %s to %s; expected an end that comes later".formatted(from, to));
        }
        List<Range> ranges = ranges(report, lineage);
        Lsn at = from;
        for (Range range : ranges) {
            if (range.contains(at)) {
                at = range.to();
            }
        }
        return at.isAtLeast(to) ? new Possible() : whyNot(report, lineage, at, ranges);
    }

    /** What is good along a lineage, whichever branch it was read for: what lies before a fork is of both sides. */
    private static List<Range> ranges(Report report, TimelineHistory lineage) {
        List<Range> shared = new ArrayList<>();
        for (Branch branch : report.branches()) {
            Optional<Lsn> fork = branch.lineage().forkWith(lineage);
            for (Range range : branch.ranges()) {
                Lsn to = fork.map(limit -> Lsn.min(limit, range.to())).orElse(range.to());
                if (range.from().isBefore(to)) {
                    shared.add(new Range(range.from(), to, range.heldFrom()));
                }
            }
        }
        shared.sort(Comparator.comparing(Range::from));
        return shared;
    }

    private static Recovery whyNot(Report report, TimelineHistory lineage, Lsn at, List<Range> ranges) {
        Lsn segment = report.segmentSize().startOf(at);
        // With the byte after it: a record that is not whole for want of the next segment begins in this one.
        Span around = new Span(lineage, segment, report.segmentSize().endOf(at).plus(1));
        Optional<Report.Unread> unread = report.unread().stream().filter(what -> what.span().map(around::meets).orElse(true)).findFirst();
        if (unread.isPresent()) {
            return new Unknown(at, "%s could not be looked at: %s".formatted(unread.get().what(), unread.get().reason()));
        }
        Optional<StoredFile> vanished = report.vanished().stream().filter(file -> file.span(report.segmentSize()).filter(around::meets).isPresent()).findFirst();
        if (vanished.isPresent()) {
            return new Unknown(at, "%s went away while all was read: look again, it may have been archived meanwhile".formatted(vanished.get().path()));
        }
        return new Impossible(at, report.problems().stream()
                .filter(problem -> problem.span().filter(around::meets).isPresent())
                .min(Comparator.comparing(problem -> problem.span().orElse(around).from()))
                .map(Problem::message)
                .orElseGet(() -> noProblem(lineage, at, ranges)));
    }

    private static String noProblem(TimelineHistory lineage, Lsn at, List<Range> ranges) {
        Optional<Range> next = ranges.stream().filter(range -> range.from().isAfter(at)).findFirst();
        if (next.isEmpty()) {
            return ranges.isEmpty() ? "nothing is kept of timeline %s".formatted(lineage.timelineAt(at)) : "what is kept ends at %s".formatted(ranges.getLast().to());
        }
        return next.get().heldFrom().isAtMost(at)
                ? "what is kept begins within a record, and can be proved from %s on".formatted(next.get().from())
                : "what is kept goes on at %s".formatted(next.get().from());
    }
}
