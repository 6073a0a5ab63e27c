package io.walrelay.proxy.config;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A number of bytes as PostgreSQL writes memory and disk sizes: {@code 256MB}, with units of 1024 (PostgreSQL: guc.c). */
public record ByteSize(long bytes) implements Comparable<ByteSize> {

    /** What a text has to look like, for the error messages of those who read one. */
    public static final String EXPECTED = "a whole number with a unit of B, kB, MB, GB or TB, like 256MB";

    private static final Pattern FORM = Pattern.compile("(\\d+)\\s*(B|kB|MB|GB|TB)");

    private static final List<String> UNITS = List.of("B", "kB", "MB", "GB", "TB");

    public ByteSize {
        if (bytes < 0) {
            throw new IllegalArgumentException("a size of %d bytes; expected 0 or more".formatted(bytes));
        }
    }

    /**
     * Reads a size. Units are case-sensitive, as PostgreSQL's are.
     *
     * @throws IllegalArgumentException if {@code text} is not of that form, or more than 2^63 - 1 bytes
     */
    public static ByteSize parse(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new IllegalArgumentException("not a size: \"%s\"; expected %s".formatted(text, EXPECTED));
        }
        try {
            long unit = 1L << (10 * UNITS.indexOf(form.group(2)));
            return new ByteSize(Math.multiplyExact(Long.parseLong(form.group(1)), unit));
        } catch (ArithmeticException | NumberFormatException e) {
            throw new IllegalArgumentException("size out of range: \"%s\"; expected at most 8388607TB".formatted(text), e);
        }
    }

    @Override
    public int compareTo(ByteSize other) {
        return Long.compare(bytes, other.bytes);
    }

    /** In the largest unit that says it exactly. */
    @Override
    public String toString() {
        int unit = bytes == 0 ? 0 : Math.min(Long.numberOfTrailingZeros(bytes) / 10, UNITS.size() - 1);
        return (bytes >> (10 * unit)) + UNITS.get(unit);
    }
}
