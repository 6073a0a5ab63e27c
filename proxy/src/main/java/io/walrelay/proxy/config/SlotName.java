package io.walrelay.proxy.config;

import java.util.Locale;
import java.util.regex.Pattern;

/** The name of the relay's own slot: made from the operator's template, valid for PostgreSQL (PostgreSQL: slot.c). */
final class SlotName {

    static final String EXPECTED = "a slot name of up to 63 lower-case letters, digits and _, which may contain {hostname}";

    private static final String HOSTNAME = "{hostname}";

    /** NAMEDATALEN less the terminating zero. */
    private static final int LONGEST = 63;

    private static final Pattern VALID = Pattern.compile("[a-z0-9_]{1,%d}".formatted(LONGEST));

    private SlotName() {}

    /**
     * Fills in {@code template}.
     *
     * @throws IllegalArgumentException if what is written around {@code {hostname}} can't be in a slot name
     */
    static String of(String template, String hostname) {
        String folded = hostname.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_]", "_");
        String name = template.replace(HOSTNAME, folded);
        if (template.contains(HOSTNAME) && name.length() > LONGEST) {
            name = name.substring(0, LONGEST);
        }
        if (!VALID.matcher(name).matches()) {
            throw new IllegalArgumentException("not a slot name: \"%s\"; expected %s".formatted(template, EXPECTED));
        }
        return name;
    }
}
