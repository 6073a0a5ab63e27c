package io.walrelay.proxy.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What an expression of Prometheus' language asks of the relay's metrics. Whether it is one is for promtool to say.
 *
 * @param selectors of the relay's metrics
 * @param labels by which it groups or joins
 */
record PromQl(List<Selector> selectors, Set<String> labels) {

    /** What Prometheus adds to each series of a target. */
    static final Set<String> OF_THE_TARGET = Set.of("job", "instance");

    /** {@code metric{label="value"}}. */
    record Selector(String metric, List<Matching> matchings) {}

    record Matching(String label, String operator, String value) {}

    private static final Pattern SELECTOR = Pattern.compile("\\b(walrelay_\\w+)(?:\\{([^}]*)})?");
    private static final Pattern MATCHING = Pattern.compile("(\\w+)\\s*(=~|!~|!=|=)\\s*\"([^\"]*)\"");
    private static final Pattern GROUPING = Pattern.compile("\\b(?:by|without|on|ignoring|group_left|group_right)\\s*\\(([^)]*)\\)");

    static PromQl of(String expression) {
        List<Selector> selectors = new ArrayList<>();
        Matcher selector = SELECTOR.matcher(expression);
        while (selector.find()) {
            String braces = selector.group(2) == null ? "" : selector.group(2);
            selectors.add(new Selector(
                    selector.group(1),
                    MATCHING.matcher(braces).results().map(m -> new Matching(m.group(1), m.group(2), m.group(3))).toList()));
        }
        Set<String> labels = GROUPING.matcher(expression)
                .results()
                .flatMap(m -> Pattern.compile(",").splitAsStream(m.group(1)))
                .map(String::strip)
                .filter(label -> !label.isEmpty())
                .collect(Collectors.toCollection(TreeSet::new));
        return new PromQl(List.copyOf(selectors), labels);
    }

    /**
     * What a relay that shows {@code seen} would never answer.
     *
     * @param shown labels that are printed with the result
     * @return a sentence for each; empty when all is there
     */
    List<String> missing(Exposition seen, Set<String> shown) {
        List<String> missing = new ArrayList<>();
        Set<String> known = new TreeSet<>(OF_THE_TARGET);
        for (Selector selector : selectors) {
            Map<String, Set<String>> labels = seen.labels(selector.metric());
            if (!seen.names().contains(selector.metric())) {
                missing.add("no metric " + selector.metric());
            }
            known.addAll(labels.keySet());
            for (Matching matching : selector.matchings()) {
                Set<String> values = labels.get(matching.label());
                if (values == null && !OF_THE_TARGET.contains(matching.label())) {
                    missing.add("%s has no label %s".formatted(selector.metric(), matching.label()));
                } else if (values != null && matching.operator().equals("=") && !values.contains(matching.value())) {
                    missing.add("%s{%s} is never %s".formatted(selector.metric(), matching.label(), matching.value()));
                }
            }
        }
        Set<String> asked = new TreeSet<>(labels);
        asked.addAll(shown);
        asked.stream().filter(label -> !known.contains(label)).forEach(label -> missing.add("no label " + label));
        return missing;
    }
}
