package io.walrelay.wal;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * A lineage: a timeline and the chain of its ancestors with the points where each was left (PostgreSQL: timeline.c,
 * readTimeLineHistory). Two timelines with one number and different histories are two lineages; {@link #id()} tells them
 * apart.
 *
 * <p>Invariant: ancestors are ordered from the oldest; timeline numbers rise strictly, switch points never fall.
 */
public record TimelineHistory(TimelineId timeline, List<Ancestor> ancestors) {

    /** A timeline that was left at {@code switchPoint}: its last byte is the one before. {@code reason} is free text. */
    public record Ancestor(TimelineId timeline, Lsn switchPoint, String reason) {}

    public TimelineHistory {
        ancestors = List.copyOf(ancestors);
        TimelineId last = null;
        Lsn at = Lsn.INVALID;
        for (Ancestor a : ancestors) {
            if (last != null && a.timeline.compareTo(last) <= 0) {
                throw new IllegalArgumentException("timeline %s follows timeline %s in a history; expected rising numbers".formatted(a.timeline, last));
            }
            if (a.switchPoint.isBefore(at)) {
                throw new IllegalArgumentException("timeline %s was left at %s, before its own beginning at %s".formatted(a.timeline, a.switchPoint, at));
            }
            last = a.timeline;
            at = a.switchPoint;
        }
        if (last != null && timeline.compareTo(last) <= 0) {
            throw new IllegalArgumentException("timeline %s has timeline %s as an ancestor; expected a lower number".formatted(timeline, last));
        }
    }

    /** The history of a timeline that no promotion led to. */
    public static TimelineHistory root(TimelineId timeline) {
        return new TimelineHistory(timeline, List.of());
    }

    /**
     * Reads a {@code .history} file: lines of timeline, switch point and reason, separated by white space; {@code #} begins
     * a comment line. What follows the switch point is the reason and may be anything.
     *
     * @throws IllegalArgumentException with the line, if one is not of that form
     */
    public static TimelineHistory parse(TimelineId timeline, String content) {
        List<Ancestor> ancestors = new ArrayList<>();
        for (String line : content.split("\n", -1)) {
            String stripped = line.strip();
            if (stripped.isEmpty() || stripped.startsWith("#")) {
                continue;
            }
            String[] fields = stripped.split("\\s+", 3);
            if (fields.length < 2) {
                throw new IllegalArgumentException(
                        "syntax error in the history of timeline %s: \"%s\"; expected a timeline, a switch point and a reason".formatted(timeline, stripped));
            }
            try {
                ancestors.add(new Ancestor(
                        TimelineId.parse(fields[0]), Lsn.parse(fields[1]), fields.length > 2 ? fields[2] : ""));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("syntax error in the history of timeline %s: \"%s\": %s".formatted(timeline, stripped, e.getMessage()), e);
            }
        }
        return new TimelineHistory(timeline, ancestors);
    }

    /** The text of a {@code .history} file with these entries. Bytes that came from a server are kept as they came, not remade. */
    public String format() {
        StringBuilder text = new StringBuilder();
        for (Ancestor a : ancestors) {
            text.append("%s\t%s\t%s\n".formatted(a.timeline, a.switchPoint, a.reason));
        }
        return text.toString();
    }

    /** The lineage that begins when this one is left at {@code switchPoint} for {@code child}. */
    public TimelineHistory promoted(TimelineId child, Lsn switchPoint, String reason) {
        List<Ancestor> chain = new ArrayList<>(ancestors);
        chain.add(new Ancestor(timeline, switchPoint, reason));
        return new TimelineHistory(child, chain);
    }

    /** Where this timeline itself begins: the switch point of its parent, {@link Lsn#INVALID} for a root. */
    public Lsn begin() {
        return ancestors.isEmpty() ? Lsn.INVALID : ancestors.getLast().switchPoint;
    }

    /**
     * The timeline under which the byte at {@code lsn} was first written. A switch point belongs to the timeline that it
     * begins (timeline.c, tliOfPointInHistory).
     */
    public TimelineId timelineAt(Lsn lsn) {
        for (Ancestor a : ancestors) {
            if (lsn.isBefore(a.switchPoint)) {
                return a.timeline;
            }
        }
        return timeline;
    }

    public boolean contains(TimelineId other) {
        return other.equals(timeline) || ancestors.stream().anyMatch(a -> a.timeline.equals(other));
    }

    /** Where {@code other} was left on the way here; empty when it is this timeline itself or none of its ancestors. */
    public Optional<Lsn> switchPointOf(TimelineId other) {
        return ancestors.stream().filter(a -> a.timeline.equals(other)).map(Ancestor::switchPoint).findFirst();
    }

    /** The timeline that follows {@code other} on the way here; empty when it is this timeline itself or none of its ancestors. */
    public Optional<TimelineId> successorOf(TimelineId other) {
        for (int i = 0; i < ancestors.size(); i++) {
            if (ancestors.get(i).timeline.equals(other)) {
                return Optional.of(i + 1 < ancestors.size() ? ancestors.get(i + 1).timeline : timeline);
            }
        }
        return Optional.empty();
    }

    /** This history as it was when {@code other}, this timeline or an ancestor, was the newest. */
    public TimelineHistory upTo(TimelineId other) {
        if (other.equals(timeline)) {
            return this;
        }
        for (int i = 0; i < ancestors.size(); i++) {
            if (ancestors.get(i).timeline.equals(other)) {
                return new TimelineHistory(other, ancestors.subList(0, i));
            }
        }
        throw new IllegalArgumentException("timeline %s is not in the history of timeline %s".formatted(other, timeline));
    }

    /**
     * Where this lineage and {@code other} part: the first position that they do not share. Empty when neither ever leaves
     * the other's path, that is when they are equal or have no ancestor that tells them apart.
     *
     * <p>When {@code other} is a descendant of this one, the fork is where it left this timeline: all beyond, on this side,
     * would be an orphan.
     */
    public Optional<Lsn> forkWith(TimelineHistory other) {
        List<Ancestor> mine = ancestors;
        List<Ancestor> theirs = other.ancestors;
        int i = 0;
        while (i < mine.size() && i < theirs.size() && samePoint(mine.get(i), theirs.get(i))) {
            i++;
        }
        TimelineId a = i < mine.size() ? mine.get(i).timeline : timeline;
        TimelineId b = i < theirs.size() ? theirs.get(i).timeline : other.timeline;
        if (!a.equals(b)) {
            // Different timelines begin at the same switch point, or the roots differ.
            return Optional.of(i == 0 ? Lsn.INVALID : mine.get(i - 1).switchPoint);
        }
        if (i == mine.size() && i == theirs.size()) {
            return Optional.empty();
        }
        if (i == mine.size()) {
            return Optional.of(theirs.get(i).switchPoint);
        }
        if (i == theirs.size()) {
            return Optional.of(mine.get(i).switchPoint);
        }
        return Optional.of(Lsn.min(mine.get(i).switchPoint, theirs.get(i).switchPoint));
    }

    private static boolean samePoint(Ancestor a, Ancestor b) {
        return a.timeline.equals(b.timeline) && a.switchPoint.equals(b.switchPoint);
    }

    /**
     * Whether {@code position}, reached on {@code other}, lies on this lineage: all bytes before it are the same on both.
     * This is the question that a history must answer before a stream may go on.
     */
    public boolean reaches(TimelineHistory other, Lsn position) {
        return forkWith(other).map(fork -> position.isAtMost(fork)).orElse(true);
    }

    /** Whether {@code other} is this lineage or one that it came from. Reasons are free text and count for nothing. */
    public boolean descendsFrom(TimelineHistory other) {
        return contains(other.timeline) && upTo(other.timeline).forkWith(other).isEmpty();
    }

    /**
     * A name for this lineage that no other has: timeline, switch point and a hash of timelines and switch points (not of
     * the reasons, which are free text). {@code 2@0/3002830-5f1c22aa}.
     */
    public String id() {
        StringBuilder chain = new StringBuilder();
        for (Ancestor a : ancestors) {
            chain.append(a.timeline).append('@').append(a.switchPoint).append('>');
        }
        chain.append(timeline);
        return "%s@%s-%s".formatted(timeline, begin(), sha256(chain.toString()).substring(0, 8));
    }

    /** {@link #id()} as a directory can be called. */
    public String directoryName() {
        return id().replace('/', '_');
    }

    private static String sha256(String text) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
