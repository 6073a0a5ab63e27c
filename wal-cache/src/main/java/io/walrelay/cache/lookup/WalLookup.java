package io.walrelay.cache.lookup;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.lookup.Answer.AskArchive;
import io.walrelay.cache.lookup.Answer.Look;
import io.walrelay.cache.lookup.Answer.Missing;
import io.walrelay.cache.lookup.Answer.NotOnLineage;
import io.walrelay.cache.lookup.Place.Extent;
import io.walrelay.cache.lookup.WalView.Archived;
import io.walrelay.cache.lookup.WalView.Copy;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * Which file answers to a name: a pure function of the query and of what is known.
 *
 * <p>A name says a timeline's number, which can have been taken twice, and not its history. So first it is decided which lineage is meant:
 *
 * <ul>
 *   <li>the relay's own, for a standby always, for a point-in-time recovery unless it names another;
 *   <li>the one that is named;
 *   <li>for a rewind that names none, the only one that has the timeline.
 * </ul>
 *
 * <p>Then which bytes of the named file are on it:
 *
 * <pre>
 *   timeline 1  ══════╪══════╪═══┬──╪──────     left for 2 at a position in its third segment
 *   timeline 2                └══╪══╪══════     begins with a copy of what that segment shares
 *
 *   on lineage 2:  1/1, 1/2 whole;  1/3 up to the fork;  no 1/4;  no 2/2;  2/3 whole
 * </pre>
 */
public final class WalLookup {

    private final WalQuery query;
    private final WalView view;
    private final SegmentSize size;
    private final Lineages lineages;
    private final TimelineId timeline;

    private WalLookup(WalQuery query, WalView view) {
        this.query = query;
        this.view = view;
        this.size = view.size();
        this.lineages = new Lineages(view);
        this.timeline = query.name().timeline();
    }

    public static Answer decide(WalQuery query, WalView view) {
        WalLookup lookup = new WalLookup(query, view);
        return switch (lookup.choose()) {
            case Choice.Of(var lineage) -> lookup.on(lineage);
            case Choice.No(var answer) -> answer;
        };
    }

    /** Which lineage is meant, or why none is. */
    private sealed interface Choice {
        record Of(TimelineHistory lineage) implements Choice {}

        record No(Answer answer) implements Choice {}
    }

    private Choice choose() {
        if (query.lineage().isPresent()) {
            return named(query.lineage().get());
        }
        return switch (query.mode()) {
            case STANDBY, PITR -> new Choice.Of(view.own());
            case REWIND -> only(lineages.of(timeline), "timeline " + timeline);
        };
    }

    private Choice named(LineageSelector selector) {
        List<TimelineHistory> matching = lineages.of(selector.timeline()).stream().filter(selector::matches).toList();
        boolean exact = selector.begin().isPresent() && !matching.isEmpty();
        Choice choice = exact && matching.size() == 1 ? new Choice.Of(matching.getFirst()) : only(matching, "timeline=" + selector);
        if (query.mode() == Mode.STANDBY && choice instanceof Choice.Of(var lineage)) {
            return lineages.isOwn(lineage) ? new Choice.Of(view.own()) : new Choice.No(hidden(lineage));
        }
        return choice;
    }

    /** Only the archive can say that there is no other. */
    private Choice only(List<TimelineHistory> matching, String what) {
        if (view.archive() instanceof Archived.NotAsked) {
            return new Choice.No(new AskArchive());
        }
        return switch (matching.size()) {
            case 0 -> new Choice.No(query.lineage().isEmpty() ? absent("no tier has anything of %s".formatted(what)) : unknown(what));
            case 1 -> new Choice.Of(matching.getFirst());
            default -> new Choice.No(new NotOnLineage(
                    "%s is more than one lineage: the number was taken more than once".formatted(what), Optional.empty(), lineages.selectors(matching.getFirst().timeline())));
        };
    }

    private Answer unknown(String what) {
        return new NotOnLineage("no lineage %s is known".formatted(what), Optional.empty(), lineages.selectors(query.lineage().map(LineageSelector::timeline).orElse(timeline)));
    }

    /** A history that a standby is shown makes it follow that. */
    private Answer hidden(TimelineHistory lineage) {
        return query.name() instanceof WalFileName.History
                ? absent("the history of lineage %s is not shown to a standby: the relay is on %s".formatted(lineage.id(), view.own().id()))
                : elsewhere(view.own(), lineage);
    }

    private Answer on(TimelineHistory lineage) {
        if (!lineage.contains(timeline)) {
            return query.name() instanceof WalFileName.History ? noHistory(lineage) : elsewhere(lineage, lineages.of(timeline).stream().findFirst().orElse(lineage));
        }
        return switch (query.name()) {
            case WalFileName.History _ -> history(lineage.upTo(timeline));
            case WalFileName.Segment(var id) -> new Segments(lineage, id).whole();
            case WalFileName.Partial(var id) -> new Segments(lineage, id).partial();
            case WalFileName.Backup(var id, var offset) -> new Segments(lineage, id).backup(offset);
        };
    }

    /** That a number is free is said only after the archive was asked: whoever is promoted takes the first that is. */
    private Answer noHistory(TimelineHistory lineage) {
        if (timeline.compareTo(lineage.timeline()) > 0 && view.archive() instanceof Archived.NotAsked) {
            return new AskArchive();
        }
        return absent("timeline %s is not on lineage %s".formatted(timeline, lineage.id()));
    }

    private Answer history(TimelineHistory lineage) {
        if (lineage.ancestors().isEmpty()) {
            return absent("timeline %s has no history: no promotion led to it".formatted(timeline));
        }
        List<Place> places = new ArrayList<>();
        if (!lineages.isOwn(lineage)) {
            archived(lineage, query.name(), Extent.ALL).ifPresent(places::add);
        }
        places.add(new Place.History(lineage));
        return new Look(places, new Missing.Absent("the history of lineage %s is gone".formatted(lineage.id())));
    }

    private static Answer absent(String reason) {
        return new Look(List.of(), new Missing.Absent(reason));
    }

    private NotOnLineage elsewhere(TimelineHistory shown, TimelineHistory other) {
        Optional<Lsn> fork = shown.forkWith(other).filter(Lsn::isValid);
        return new NotOnLineage(
                "%s is not on lineage %s%s".formatted(query.name().fileName(size), shown.id(), fork.map(lsn -> ", which parted from it at " + lsn).orElse("")),
                fork,
                lineages.selectors(timeline));
    }

    private Optional<Place> archived(TimelineHistory lineage, WalFileName name, Extent extent) {
        return view.archive() instanceof Archived.None ? Optional.empty() : Optional.of(new Place.Archived(new ArchivedName(lineage, name, size), extent));
    }

    /** One segment as a lineage has it. */
    private final class Segments {
        private final SegmentId id;
        private final Lsn start;
        private final Lsn end;
        /** What names the file: the lineage up to its timeline. */
        private final TimelineHistory file;
        /** Where the lineage leaves the file's timeline. */
        private final Optional<Lsn> left;
        private final boolean own;
        private final List<Place> places = new ArrayList<>();

        Segments(TimelineHistory lineage, SegmentId id) {
            this.id = id;
            this.start = id.start(size);
            this.end = id.end(size);
            this.file = lineage.upTo(timeline);
            this.left = lineage.switchPointOf(timeline);
            this.own = lineages.isOwn(file);
        }

        private Optional<Answer> outside() {
            if (file.begin().isAtLeast(end)) {
                return Optional.of(absent("timeline %s begins at %s, after this segment".formatted(timeline, file.begin())));
            }
            return left.filter(lsn -> lsn.isAtMost(start)).map(lsn -> new NotOnLineage(
                    "timeline %s was left at %s, and this segment begins at %s".formatted(timeline, lsn, start), Optional.of(lsn), lineages.selectors(timeline)));
        }

        private boolean endsHere() {
            return left.filter(lsn -> lsn.isBefore(end)).isPresent();
        }

        /** Whether the relay has not come to the end of the segment, or has just and the file has not got its whole name yet. */
        private boolean isAhead() {
            boolean unnamed = view.copy().filter(c -> !c.whole() && c.end().isAtLeast(end)).isPresent();
            return own && timeline.equals(view.own().timeline()) && (unnamed || end.isAfter(view.written()));
        }

        Answer whole() {
            Optional<Answer> outside = outside();
            if (outside.isPresent()) {
                return outside.get();
            }
            // What others have put past our own end may turn out to be an orphan's: a standby would follow it.
            boolean unsure = query.mode() == Mode.STANDBY && isAhead();
            if (!endsHere() && !unsure) {
                wholeOnDisk();
                archived(file, query.name(), Extent.ALL).ifPresent(places::add);
            }
            if (query.padded() && query.mode() != Mode.STANDBY) {
                padded();
            }
            return new Look(places, missing());
        }

        private Missing missing() {
            if (endsHere()) {
                return new Missing.Absent("timeline %s was left at %s, inside this segment; expected %s.partial, or partial=pad in mode pitr or rewind"
                        .formatted(timeline, left.orElseThrow(), query.name().fileName(size)));
            }
            return isAhead()
                    ? new Missing.NotYet("the relay's WAL ends at %s; this segment ends at %s".formatted(view.written(), end))
                    : new Missing.Absent("no tier has this segment of lineage %s".formatted(file.id()));
        }

        private void wholeOnDisk() {
            if (own && view.copy().filter(Copy::whole).isPresent()) {
                places.add(new Place.Own(id, Extent.ALL));
            }
            orphans().filter(o -> o.copy().filter(Copy::whole).isPresent()).forEach(o -> places.add(new Place.Orphan(o.lineage(), id, Extent.ALL)));
        }

        private Stream<WalView.Orphaned> orphans() {
            return view.orphans().stream().filter(o -> o.lineage().contains(timeline) && Lineages.same(o.lineage().upTo(timeline), file));
        }

        /** A segment that is being written, or the last of a timeline that has ended. One that breaks off at a gap is neither. */
        private void padded() {
            boolean endsWithOurs = view.copy().filter(c -> c.end().equals(view.own().switchPointOf(timeline).orElse(view.written()))).isPresent();
            if (own && endsWithOurs) {
                beginning(view.copy(), true).ifPresent(extent -> places.add(new Place.Own(id, extent)));
            }
            pieces(true);
            if (endsHere()) {
                cut(end, true).flatMap(extent -> archived(file, query.name(), extent)).ifPresent(places::add);
            }
        }

        Answer partial() {
            Optional<Answer> outside = outside();
            if (outside.isPresent()) {
                return outside.get();
            }
            if (own) {
                beginning(view.copy(), false).ifPresent(extent -> places.add(new Place.Own(id, extent)));
            }
            pieces(false);
            return new Look(
                    places, new Missing.Absent("no tier has a part of this segment of lineage %s; it may be whole: then it is asked for without .partial".formatted(file.id())));
        }

        /** What lies past a fork, and what the archive has as {@code .partial}. */
        private void pieces(boolean padded) {
            orphans().forEach(o -> beginning(o.copy(), padded).ifPresent(extent -> places.add(new Place.Orphan(o.lineage(), id, extent))));
            Optional<Extent> known = cut(end, padded);
            if (known.isPresent() || query.mode() != Mode.STANDBY) {
                archived(file, new WalFileName.Partial(id), known.orElse(Extent.ALL)).ifPresent(places::add);
            }
        }

        private Optional<Extent> beginning(Optional<Copy> copy, boolean padded) {
            return copy.flatMap(c -> cut(c.end(), padded));
        }

        /** As much of a file with WAL up to {@code upTo} as is on the lineage, when that is a part of the segment. */
        private Optional<Extent> cut(Lsn upTo, boolean padded) {
            Lsn last = left.map(lsn -> Lsn.min(lsn, upTo)).orElse(upTo);
            return last.isAfter(start) && last.isBefore(end) ? Optional.of(new Extent(OptionalInt.of((int) last.minus(start)), padded)) : Optional.empty();
        }

        Answer backup(int offset) {
            Optional<Lsn> past = left.filter(lsn -> lsn.isAtMost(start.plus(offset)));
            if (past.isPresent()) {
                return outside().orElseGet(() -> new NotOnLineage(
                        "timeline %s was left at %s, before this backup began".formatted(timeline, past.get()), past, lineages.selectors(timeline)));
            }
            archived(file, query.name(), Extent.ALL).ifPresent(places::add);
            return new Look(places, new Missing.Absent("no tier has this file of lineage %s".formatted(file.id())));
        }
    }
}
