package io.walrelay.wal;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names that PostgreSQL gives to files in pg_wal and in an archive (xlog_internal.h: XLogFileName, TLHistoryFileName,
 * BackupHistoryFileName). They are made and parsed here and nowhere else.
 */
public sealed interface WalFileName {

    /** The name as the file bears it. */
    String fileName(SegmentSize size);

    TimelineId timeline();

    /** A whole segment: {@code 000000010000000A000000FF}. */
    record Segment(SegmentId id) implements WalFileName {
        @Override
        public TimelineId timeline() {
            return id.timeline();
        }

        @Override
        public String fileName(SegmentSize size) {
            long perXlogId = 0x1_0000_0000L / size.bytes();
            return "%08X%08X%08X".formatted(id.timeline().value(), id.number() / perXlogId, id.number() % perXlogId);
        }
    }

    /** A segment that is not whole: the one being written, or the last one of a timeline that ended. */
    record Partial(SegmentId id) implements WalFileName {
        @Override
        public TimelineId timeline() {
            return id.timeline();
        }

        @Override
        public String fileName(SegmentSize size) {
            return new Segment(id).fileName(size) + ".partial";
        }
    }

    /** The history of a timeline: {@code 00000002.history}. Timeline 1 has none. */
    record History(TimelineId timeline) implements WalFileName {
        @Override
        public String fileName(SegmentSize size) {
            return "%08X.history".formatted(timeline.value());
        }
    }

    /** What pg_backup_stop leaves in the archive: the segment where a backup began and the offset in it. */
    record Backup(SegmentId id, int offset) implements WalFileName {
        @Override
        public TimelineId timeline() {
            return id.timeline();
        }

        @Override
        public String fileName(SegmentSize size) {
            return "%s.%08X.backup".formatted(new Segment(id).fileName(size), offset);
        }
    }

    Pattern GRAMMAR = Pattern.compile(
            "(?<tli>[0-9A-F]{8})(?:\\.history|(?<log>[0-9A-F]{8})(?<seg>[0-9A-F]{8})(?:(?<partial>\\.partial)|\\.(?<offset>[0-9A-F]{8})\\.backup)?)");

    /**
     * Reads a file's name. Empty when it is none of PostgreSQL's: lower case, timeline 0, or a segment that does not exist
     * with this segment size.
     */
    static Optional<WalFileName> parse(String name, SegmentSize size) {
        Matcher m = GRAMMAR.matcher(name);
        if (!m.matches()) {
            return Optional.empty();
        }
        int tli = Integer.parseUnsignedInt(m.group("tli"), 16);
        if (tli == 0) {
            return Optional.empty();
        }
        TimelineId timeline = new TimelineId(tli);
        if (m.group("log") == null) {
            return Optional.of(new History(timeline));
        }
        long perXlogId = 0x1_0000_0000L / size.bytes();
        long seg = Long.parseLong(m.group("seg"), 16);
        if (seg >= perXlogId) {
            return Optional.empty();
        }
        SegmentId id = new SegmentId(timeline, Long.parseLong(m.group("log"), 16) * perXlogId + seg);
        if (m.group("offset") != null) {
            long offset = Long.parseLong(m.group("offset"), 16);
            return offset < size.bytes() ? Optional.of(new Backup(id, (int) offset)) : Optional.empty();
        }
        return Optional.of(m.group("partial") != null ? new Partial(id) : new Segment(id));
    }

    /** As {@link #parse}, for a name that a person gave. */
    static WalFileName require(String name, SegmentSize size) {
        return parse(name, size).orElseThrow(() -> new IllegalArgumentException(fault(name, size)));
    }

    private static String fault(String name, SegmentSize size) {
        Matcher m = GRAMMAR.matcher(name);
        String expected;
        if (!m.matches()) {
            expected = "expected 24 upper-case hexadecimal digits, alone or with .partial or .XXXXXXXX.backup, or 8 with .history";
        } else if (Integer.parseUnsignedInt(m.group("tli"), 16) == 0) {
            expected = "its timeline is 0; expected 1 or more";
        } else {
            expected = String.format(
                    Locale.ROOT,
                    "with segments of %d bytes a segment's last eight digits are %08X at most, and a backup's offset %08X; is it of a cluster with another wal_segment_size?",
                    size.bytes(),
                    0x1_0000_0000L / size.bytes() - 1,
                    size.bytes() - 1);
        }
        return String.format(Locale.ROOT, "not a WAL file name: \"%s\"; %s", name, expected);
    }
}
