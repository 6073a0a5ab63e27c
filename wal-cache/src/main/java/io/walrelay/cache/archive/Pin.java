package io.walrelay.cache.archive;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * WAL that is kept whatever its age: on a lineage and what descends from it, from a position on. It is an object in the archive, so that every
 * relay that deletes there sees it:
 *
 * <pre>
 *   walrelay pin
 *   from 0/3000028
 *   created 2026-11-28T20:15:00Z
 *   timeline 2
 *   note weekly base backup
 *   1	0/2000000	no recovery target specified     the history, as in a .history file
 * </pre>
 *
 * @param name what its object is called
 * @param note what it is for, in one line; may be empty
 */
public record Pin(String name, TimelineHistory lineage, Lsn from, Instant created, String note) {

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}");
    private static final Pattern FORM = Pattern.compile(
            "walrelay pin\nfrom (?<from>\\S+)\ncreated (?<created>\\S+)\ntimeline (?<timeline>\\d+)\nnote ?(?<note>[^\n]*)\n(?<history>.*)", Pattern.DOTALL);
    private static final int LONGEST_NOTE = 200;

    /** @throws IllegalArgumentException when {@code name} can't be a pin's */
    public Pin {
        requireName(name);
        String line = note.replaceAll("\\p{Cntrl}", " ").strip();
        note = line.substring(0, Math.min(line.length(), LONGEST_NOTE));
    }

    /** @throws IllegalArgumentException with what was expected */
    public static String requireName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("not a pin's name: \"%s\"; expected 1 to 63 letters, digits and _ . -, the first no . or -".formatted(name));
        }
        return name;
    }

    /** Whether this keeps WAL of that lineage from that position on. */
    public boolean isAt(TimelineHistory otherLineage, Lsn position) {
        return lineage.id().equals(otherLineage.id()) && from.equals(position);
    }

    String text() {
        return "walrelay pin\nfrom %s\ncreated %s\ntimeline %s\nnote %s\n%s".formatted(from, created, lineage.timeline(), note, lineage.format());
    }

    /** @throws IllegalArgumentException when {@code text} is no pin's */
    static Pin parse(String name, String text) {
        Matcher m = FORM.matcher(text);
        if (!m.matches()) {
            throw new IllegalArgumentException("it does not have a pin's lines, which begin with \"walrelay pin\"");
        }
        try {
            TimelineHistory lineage = TimelineHistory.parse(TimelineId.parse(m.group("timeline")), m.group("history"));
            return new Pin(name, lineage, Lsn.parse(m.group("from")), Instant.parse(m.group("created")), m.group("note"));
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException("created is no time: " + m.group("created"), e);
        }
    }
}
