package io.walrelay.proxy.metrics;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Prometheus' text format, as far as this relay uses it.
 *
 * @param samples in their order
 */
public record Exposition(List<Sample> samples) {

    /** One line. */
    public record Sample(String name, Map<String, String> labels, double value) {}

    /** @throws AssertionError naming the line that is none of the format's */
    public static Exposition parse(String text) {
        List<Sample> samples = new ArrayList<>();
        // Names may have characters that lines() ends a line at; the format ends it at \n alone.
        for (String line : text.split("\n", -1)) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                samples.add(new Line(line).sample());
            }
        }
        return new Exposition(List.copyOf(samples));
    }

    public Set<String> names() {
        return samples.stream().map(Sample::name).collect(Collectors.toCollection(TreeSet::new));
    }

    /** Labels of a metric with the values that they have. */
    public Map<String, Set<String>> labels(String name) {
        Map<String, Set<String>> labels = new LinkedHashMap<>();
        samples.stream().filter(sample -> sample.name().equals(name)).forEach(sample ->
                sample.labels().forEach((label, value) -> labels.computeIfAbsent(label, _ -> new TreeSet<>()).add(value)));
        return labels;
    }

    /** {@code name{label="value",…} number}; a backslash before {@code "}, {@code \} and n. */
    private static final class Line {
        private final String text;
        private int at;

        Line(String text) {
            this.text = text;
        }

        Sample sample() {
            String name = until("{ ");
            Map<String, String> labels = new LinkedHashMap<>();
            if (text.charAt(at) == '{') {
                at++;
                while (text.charAt(at) != '}') {
                    String label = until("=");
                    at++;
                    labels.put(label, quoted());
                    if (text.charAt(at) == ',') {
                        at++;
                    }
                }
                at++;
            }
            if (text.charAt(at) != ' ') {
                throw new AssertionError("no number after the name: " + text);
            }
            return new Sample(name, labels, Double.parseDouble(text.substring(at + 1).replace("Inf", "Infinity")));
        }

        private String until(String ends) {
            int begin = at;
            while (at < text.length() && ends.indexOf(text.charAt(at)) < 0) {
                at++;
            }
            if (at == text.length()) {
                throw new AssertionError("ends too early: " + text);
            }
            return text.substring(begin, at);
        }

        private String quoted() {
            StringBuilder value = new StringBuilder();
            at++;
            while (text.charAt(at) != '"') {
                char c = text.charAt(at++);
                if (c == '\\') {
                    char escaped = text.charAt(at++);
                    c = escaped == 'n' ? '\n' : escaped;
                }
                value.append(c);
            }
            at++;
            return value.toString();
        }
    }
}
