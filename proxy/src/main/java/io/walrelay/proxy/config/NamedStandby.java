package io.walrelay.proxy.config;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What holds for a single standby.
 *
 * @param name its slot's
 * @param maxRetained the most WAL that the slot may hold back
 */
record NamedStandby(String name, ByteSize maxRetained) {

    static final String NAME = "name";
    static final String MAX_RETAINED = "max-retained";

    static final String EXPECTED = "a list of {name: SLOT, max-retained: SIZE}; in the environment SLOT max-retained=SIZE, separated by ;";

    private static final Pattern FORM = Pattern.compile("([a-z0-9_]{1,63})\\s+max-retained=(.*)");

    /** @throws IllegalArgumentException for a line of another form than the environment's */
    static NamedStandby parse(String line) {
        Matcher form = FORM.matcher(line.strip());
        if (!form.matches()) {
            throw new IllegalArgumentException("not what holds for a standby: \"%s\"; expected %s".formatted(line, EXPECTED));
        }
        return new NamedStandby(form.group(1), ByteSize.parse(form.group(2)));
    }

    /** The line that {@link #parse} reads. */
    static String line(String name, String maxRetained) {
        return "%s %s=%s".formatted(name, MAX_RETAINED, maxRetained);
    }
}
