package io.walrelay.proxy.cli;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** From where a base backup has to replay, as its file {@code backup_label} says (PostgreSQL: xlogbackup.c, build_backup_content). */
record BackupLabel(Lsn start, TimelineId timeline, String label) {

    private static final Pattern START = Pattern.compile("^START WAL LOCATION: (\\S+) \\(file [0-9A-F]{24}\\)$", Pattern.MULTILINE);
    private static final Pattern TIMELINE = Pattern.compile("^START TIMELINE: (\\d+)$", Pattern.MULTILINE);
    private static final Pattern LABEL = Pattern.compile("^LABEL: (.*)$", Pattern.MULTILINE);

    /** @throws IOException when the file can't be read, or is none */
    static BackupLabel read(Path file) throws IOException {
        return parse(Files.readString(file, StandardCharsets.UTF_8))
                .orElseThrow(() -> new IOException("%s is no backup_label; expected lines that begin with START WAL LOCATION and START TIMELINE".formatted(file)));
    }

    /** Empty when {@code text} is none. */
    static Optional<BackupLabel> parse(String text) {
        Matcher start = START.matcher(text);
        Matcher timeline = TIMELINE.matcher(text);
        Matcher label = LABEL.matcher(text);
        if (!start.find() || !timeline.find()) {
            return Optional.empty();
        }
        try {
            return Optional.of(new BackupLabel(Lsn.parse(start.group(1)), TimelineId.parse(timeline.group(1)), label.find() ? label.group(1) : ""));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
