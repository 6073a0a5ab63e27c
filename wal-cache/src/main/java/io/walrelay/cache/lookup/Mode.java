package io.walrelay.cache.lookup;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Who asks for WAL by name, which decides what he may be shown. */
public enum Mode {
    /** A standby: the relay's own history and nothing past its end, whole files only. What it has replayed it can't give back. */
    STANDBY,
    /** A point-in-time recovery: the relay's own history, or any lineage that it names. */
    PITR,
    /** A rewind, which reads what a diverged server wrote: exactly the file that it names, whichever side of a fork it lies on. */
    REWIND;

    /** @throws IllegalArgumentException with what was expected */
    public static Mode parse(String text) {
        return Arrays.stream(values())
                .filter(mode -> mode.toString().equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("not a mode: \"%s\"; expected %s"
                        .formatted(text, Arrays.stream(values()).map(Mode::toString).collect(Collectors.joining(" or ")))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
