package io.walrelay.rewind.datadir;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * From where a copy has to replay, as its file {@code backup_label} says (PostgreSQL: xlogbackup.c, build_backup_content; pg_rewind.c,
 * createBackupLabel).
 *
 * @param start the first record that is replayed
 * @param checkpoint where the record of the checkpoint begins whose redo that is
 * @param method how the copy was made: {@code streamed}, {@code pg_rewind}; empty when it is not said
 * @param label the name that whoever made the copy gave it; empty without one
 */
public record BackupLabel(Lsn start, TimelineId timeline, Optional<Lsn> checkpoint, String method, String label) {

    public static final String PATH = "backup_label";

    /** How a rewind makes a copy. */
    public static final String REWOUND = "pg_rewind";

    private static final Pattern START = Pattern.compile("^START WAL LOCATION: (\\S+) \\(file ([0-9A-F]{8})[0-9A-F]{16}\\)$", Pattern.MULTILINE);
    private static final Pattern CHECKPOINT = Pattern.compile("^CHECKPOINT LOCATION: (\\S+)$", Pattern.MULTILINE);
    private static final Pattern METHOD = Pattern.compile("^BACKUP METHOD: (.*)$", Pattern.MULTILINE);
    private static final Pattern TIMELINE = Pattern.compile("^START TIMELINE: (\\d+)$", Pattern.MULTILINE);
    private static final Pattern LABEL = Pattern.compile("^LABEL: (.*)$", Pattern.MULTILINE);
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss z", Locale.ROOT);

    /** @throws IOException when the file can't be read, or is none */
    public static BackupLabel read(Path file) throws IOException {
        return parse(Files.readString(file, StandardCharsets.UTF_8))
                .orElseThrow(() -> new IOException("%s is no backup_label; expected lines that begin with START WAL LOCATION and CHECKPOINT LOCATION".formatted(file)));
    }

    /** Empty when {@code text} is none. */
    public static Optional<BackupLabel> parse(String text) {
        Matcher start = START.matcher(text);
        if (!start.find()) {
            return Optional.empty();
        }
        try {
            // A rewind's has no line of its own for the timeline; the file's name has it as well.
            TimelineId timeline = first(TIMELINE, text).map(TimelineId::parse).orElseGet(() -> new TimelineId(Integer.parseUnsignedInt(start.group(2), 16)));
            return Optional.of(new BackupLabel(
                    Lsn.parse(start.group(1)),
                    timeline,
                    first(CHECKPOINT, text).map(Lsn::parse),
                    first(METHOD, text).orElse(""),
                    first(LABEL, text).orElse("")));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> first(Pattern line, String text) {
        Matcher found = line.matcher(text);
        return found.find() ? Optional.of(found.group(1)) : Optional.empty();
    }

    /**
     * The text that makes a server replay from {@code redo} on, as of a backup that was taken from a standby: there is no record that
     * ends it.
     *
     * @param checkpoint where the record of the checkpoint begins whose redo it is
     */
    public static String replayFrom(Lsn redo, TimelineId timeline, Lsn checkpoint, SegmentSize size, ZonedDateTime now) {
        String file = new WalFileName.Segment(SegmentId.at(timeline, redo, size)).fileName(size);
        return """
                START WAL LOCATION: %s (file %s)
                CHECKPOINT LOCATION: %s
                BACKUP METHOD: %s
                BACKUP FROM: standby
                START TIME: %s
                """.formatted(redo, file, checkpoint, REWOUND, TIME.format(now));
    }
}
