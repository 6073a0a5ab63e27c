package io.walrelay.cache.lookup;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.cache.lookup.WalView.Archived;
import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.util.Optional;

/**
 * What is done with a file that somebody pushes: a pure function of its name and of what the relay knows. Only what is on the relay's own history is
 * taken, since its name says no more than a timeline's number; a history says for itself what it is of.
 */
public final class PushRule {

    public sealed interface Verdict {

        /**
         * The relay holds it: if the bytes are the same there is nothing to do.
         *
         * @param bytes that many count, from the beginning: past the end of a timeline there may be anything
         */
        record Compare(SegmentId id, ArchivedName name, int bytes) implements Verdict {}

        /** It goes to the archive. {@code bytes} as above. */
        record Store(ArchivedName name, int bytes) implements Verdict {}

        /** What it is of is known only when it has been read. */
        record ReadFirst() implements Verdict {}

        /** The relay has its content and needs no file of it. */
        record Known() implements Verdict {}

        /** It may be taken another time. */
        record Later(String reason) implements Verdict {}

        /** It is not on the relay's history, and never will be as far as that is known. */
        record NotOnHistory(String reason, Optional<Lsn> fork) implements Verdict {}
    }

    private static final String NO_ARCHIVE = "the relay has no archive to keep it in, and does not hold it; expected archive.url to be set";

    private final WalView view;
    private final TimelineHistory own;
    private final TimelineId timeline;

    private PushRule(TimelineId timeline, WalView view) {
        this.timeline = timeline;
        this.view = view;
        this.own = view.own();
    }

    public static Verdict decide(WalFileName name, WalView view) {
        PushRule rule = new PushRule(name.timeline(), view);
        return switch (name) {
            case WalFileName.History _ -> new Verdict.ReadFirst();
            case WalFileName.Segment segment -> rule.segment(segment);
            case WalFileName.Partial partial -> rule.partial(partial);
            case WalFileName.Backup backup -> rule.backup(backup);
        };
    }

    /** A history whose content says that it is {@code lineage}'s. */
    public static Verdict history(TimelineHistory lineage, WalView view) {
        if (view.archive() instanceof Archived.None) {
            return new Lineages(view).isOwn(lineage) ? new Verdict.Known() : new Verdict.Later(NO_ARCHIVE);
        }
        return new Verdict.Store(new ArchivedName(lineage, new WalFileName.History(lineage.timeline()), view.size()), 0);
    }

    private Verdict segment(WalFileName.Segment name) {
        Lsn start = name.id().start(view.size());
        Lsn end = name.id().end(view.size());
        Optional<Verdict> refusal = outside(start, end);
        if (refusal.isPresent()) {
            return refusal.get();
        }
        Optional<Lsn> fork = own.switchPointOf(timeline).filter(left -> left.isBefore(end));
        if (fork.isPresent()) {
            return new Verdict.NotOnHistory(
                    "timeline %s was left at %s, inside this segment: a whole one has WAL past the fork; expected it as .partial".formatted(timeline, fork.get()), fork);
        }
        if (view.copy().filter(WalView.Copy::whole).isPresent()) {
            return new Verdict.Compare(name.id(), stored(name), view.size().bytes());
        }
        boolean coming = view.copy().filter(copy -> copy.end().isAtLeast(end)).isPresent();
        return coming || end.isAfter(view.written()) ? behind() : store(name, view.size().bytes());
    }

    private Verdict partial(WalFileName.Partial name) {
        Lsn start = name.id().start(view.size());
        Lsn end = name.id().end(view.size());
        return outside(start, end).orElseGet(() -> own.switchPointOf(timeline)
                .filter(left -> left.isBefore(end))
                .map(left -> end(name, left, (int) left.minus(start)))
                .orElseGet(() -> goesOn()));
    }

    /** The last of a timeline that ended. */
    private Verdict end(WalFileName.Partial name, Lsn left, int bytes) {
        return view.copy().filter(copy -> copy.end().equals(left)).isPresent() ? new Verdict.Compare(name.id(), stored(name), bytes) : store(name, bytes);
    }

    private Verdict goesOn() {
        return timeline.equals(own.timeline())
                ? new Verdict.Later("the relay does not know yet that timeline %s ends in this segment".formatted(timeline))
                : new Verdict.NotOnHistory("timeline %s goes on past this segment; expected it whole, not as .partial".formatted(timeline), own.switchPointOf(timeline));
    }

    private Verdict backup(WalFileName.Backup name) {
        Lsn start = name.id().start(view.size()).plus(name.offset());
        return outside(start, name.id().end(view.size())).orElseGet(() -> start.isAfter(view.written()) ? behind() : store(name, 0));
    }

    private Optional<Verdict> outside(Lsn start, Lsn end) {
        if (!own.contains(timeline)) {
            return Optional.of(
                    timeline.compareTo(own.timeline()) > 0
                            ? new Verdict.Later("the relay is on timeline %s and has not come to timeline %s".formatted(own.timeline(), timeline))
                            : new Verdict.NotOnHistory("timeline %s is not on the relay's history, which is %s".formatted(timeline, own.id()), Optional.empty()));
        }
        if (own.upTo(timeline).begin().isAtLeast(end)) {
            return Optional.of(new Verdict.NotOnHistory(
                    "timeline %s begins at %s, after this segment".formatted(timeline, own.upTo(timeline).begin()), Optional.empty()));
        }
        return own.switchPointOf(timeline)
                .filter(left -> left.isAtMost(start))
                .map(left -> new Verdict.NotOnHistory("timeline %s was left at %s; this is past the fork, at %s".formatted(timeline, left, start), Optional.of(left)));
    }

    private Verdict behind() {
        return new Verdict.Later("the relay's WAL ends at %s, and it takes nothing that it can't compare".formatted(view.written()));
    }

    private Verdict store(WalFileName name, int bytes) {
        return view.archive() instanceof Archived.None ? new Verdict.Later(NO_ARCHIVE) : new Verdict.Store(stored(name), bytes);
    }

    private ArchivedName stored(WalFileName name) {
        return new ArchivedName(own.upTo(timeline), name, view.size());
    }
}
