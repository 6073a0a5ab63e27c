package io.walrelay.proxy.config;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What holds for a single standby.
 *
 * @param name its slot's, or its application_name
 * @param delay how long after its commit a transaction is sent
 * @param rate bytes per second at most
 * @param maxRetained the most WAL that the slot may hold back
 */
public record NamedStandby(String name, Optional<Duration> delay, Optional<ByteSize> rate, Optional<ByteSize> maxRetained) {

    static final String NAME = "name";
    static final String DELAY = "delay";
    static final String RATE = "rate";
    static final String MAX_RETAINED = "max-retained";

    /** What can be said of one, in the order in which it is written. */
    static final List<String> FIELDS = List.of(DELAY, RATE, MAX_RETAINED);

    static final String EXPECTED =
            "a list of {name: SLOT, delay: TIME, rate: SIZE/s, max-retained: SIZE} with one of these three or more, a rate of at least 128kB/s;"
                    + " in the environment SLOT delay=TIME rate=SIZE/s max-retained=SIZE, separated by ;";

    private static final Pattern SLOT = Pattern.compile("[a-z0-9_]{1,63}");
    /** PostgreSQL makes printable ASCII of what a client calls itself. */
    private static final Pattern APPLICATION_NAME = Pattern.compile("[!-~&&[^;=]]{1,63}");
    private static final Pattern FIELD = Pattern.compile("([a-z-]+)=(.*)");
    private static final Pattern RATE_FORM = Pattern.compile("(.*\\S)\\s*/\\s*s");

    /** A message near the end of WAL has as much. */
    private static final ByteSize LEAST_RATE = ByteSize.parse("128kB");

    /** @throws IllegalArgumentException for a line of another form than the environment's */
    static NamedStandby parse(String line) {
        // Sizes and times may have a blank before their unit.
        String[] words = line.strip().split("\\s+(?=[a-z-]+=)", -1);
        Map<String, String> fields = new LinkedHashMap<>();
        for (int i = 1; i < words.length; i++) {
            Matcher field = FIELD.matcher(words[i]);
            if (!field.matches() || !FIELDS.contains(field.group(1)) || fields.put(field.group(1), field.group(2)) != null) {
                throw wrong(line);
            }
        }
        if (!(fields.containsKey(MAX_RETAINED) ? SLOT : APPLICATION_NAME).matcher(words[0]).matches() || fields.isEmpty()) {
            throw wrong(line);
        }
        NamedStandby standby = new NamedStandby(
                words[0],
                Optional.ofNullable(fields.get(DELAY)).map(Durations::parse),
                Optional.ofNullable(fields.get(RATE)).map(NamedStandby::rate),
                Optional.ofNullable(fields.get(MAX_RETAINED)).map(ByteSize::parse));
        if (standby.delay.filter(Duration::isZero).isPresent() || standby.rate.filter(rate -> rate.compareTo(LEAST_RATE) < 0).isPresent()) {
            throw wrong(line);
        }
        return standby;
    }

    private static IllegalArgumentException wrong(String line) {
        return new IllegalArgumentException("not what holds for a standby: \"%s\"; expected %s".formatted(line, EXPECTED));
    }

    private static ByteSize rate(String text) {
        Matcher form = RATE_FORM.matcher(text);
        if (!form.matches()) {
            throw new IllegalArgumentException("not a rate: \"%s\"; expected one like 50MB/s".formatted(text));
        }
        return ByteSize.parse(form.group(1));
    }

    /** The line that {@link #parse} reads. */
    static String line(String name, Map<String, String> fields) {
        StringBuilder line = new StringBuilder(name);
        FIELDS.stream().filter(fields::containsKey).forEach(field -> line.append(' ').append(field).append('=').append(fields.get(field)));
        return line.toString();
    }
}
