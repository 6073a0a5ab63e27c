package io.walrelay.proxy.config;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Times as PostgreSQL writes them: {@code 10ms}, {@code 60s}, {@code 5min}, {@code 24h}, {@code 7d} (PostgreSQL: guc.c). */
public final class Durations {

    /** What a text has to look like, for the error messages of those who read one. */
    public static final String EXPECTED = "a whole number with a unit of ms, s, min, h or d, like 60s";

    private static final Pattern FORM = Pattern.compile("(\\d+)\\s*(ms|s|min|h|d)");

    /** Longer waits are slips of the pen; this one still fits a count of nanoseconds. */
    private static final Duration LONGEST = Duration.ofDays(36_500);

    private Durations() {}

    /**
     * Reads a time of at most 100 years. Units are case-sensitive, as PostgreSQL's are.
     *
     * @throws IllegalArgumentException if {@code text} is not of that form or too long
     */
    public static Duration parse(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new IllegalArgumentException("not a time: \"%s\"; expected %s".formatted(text, EXPECTED));
        }
        try {
            long number = Long.parseLong(form.group(1));
            Duration time = switch (form.group(2)) {
                case "ms" -> Duration.ofMillis(number);
                case "s" -> Duration.ofSeconds(number);
                case "min" -> Duration.ofMinutes(number);
                case "h" -> Duration.ofHours(number);
                default -> Duration.ofDays(number);
            };
            if (time.compareTo(LONGEST) <= 0) {
                return time;
            }
        } catch (ArithmeticException | NumberFormatException e) {
            throw outOfRange(text, e);
        }
        throw outOfRange(text, null);
    }

    private static IllegalArgumentException outOfRange(String text, @Nullable Exception cause) {
        return new IllegalArgumentException("time out of range: \"%s\"; expected at most 36500d".formatted(text), cause);
    }

    /** In the largest unit that says it exactly. */
    public static String format(Duration time) {
        long millis = time.toMillis();
        if (millis % 1000 != 0) {
            return millis + "ms";
        }
        long seconds = millis / 1000;
        if (seconds == 0 || seconds % 60 != 0) {
            return seconds + "s";
        }
        if (seconds % 3600 != 0) {
            return seconds / 60 + "min";
        }
        return seconds % 86_400 == 0 ? seconds / 86_400 + "d" : seconds / 3600 + "h";
    }
}
