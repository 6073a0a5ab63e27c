package io.walrelay.cache.lookup;

import io.walrelay.wal.Lsn;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names a lineage as exactly as somebody needs to: {@code 2}, {@code 2@0/3002830} (the timeline and where it begins) or
 * {@code 2@0/3002830-5f1c22aa} ({@link TimelineHistory#id}).
 */
public record LineageSelector(TimelineId timeline, Optional<Lsn> begin, Optional<String> id) {

    private static final Pattern FORM = Pattern.compile("(?<timeline>[0-9]{1,10})(?:@(?<begin>[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8})(?<hash>-[0-9a-f]{8})?)?");

    /** @throws IllegalArgumentException with what was expected */
    public static LineageSelector parse(String text) {
        Matcher m = FORM.matcher(text);
        if (!m.matches()) {
            throw new IllegalArgumentException("not a lineage: \"%s\"; expected a timeline, alone or with its beginning, like 2 or 2@0/3002830".formatted(text));
        }
        return new LineageSelector(
                TimelineId.parse(m.group("timeline")),
                Optional.ofNullable(m.group("begin")).map(Lsn::parse),
                Optional.ofNullable(m.group("hash")).map(_ -> text));
    }

    public boolean matches(TimelineHistory lineage) {
        return lineage.timeline().equals(timeline)
                && begin.map(lineage.begin()::equals).orElse(true)
                && id.map(lineage.id()::equals).orElse(true);
    }

    /** The text that tells {@code lineage} apart from the others that have its number and its beginning, if there are any. */
    static String shortest(TimelineHistory lineage, boolean unique) {
        return unique ? "%s@%s".formatted(lineage.timeline(), lineage.begin()) : lineage.id();
    }

    @Override
    public String toString() {
        return id.orElse(timeline + begin.map(lsn -> "@" + lsn).orElse(""));
    }
}
