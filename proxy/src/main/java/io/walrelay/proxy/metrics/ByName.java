package io.walrelay.proxy.metrics;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Series have names that clients choose: sessions that share one share a series, and past a limit all the others share one too. */
final class ByName {

    /** Some ten series each: more make a scrape that Prometheus refuses or that nobody reads. */
    static final int LIMIT = 2_000;

    /** No name that PostgreSQL's tools give: application_name and slot names have no parentheses by habit, slots never. */
    static final String OTHERS = "(others)";

    private ByName() {}

    /** @param items sorted by name, so that the same ones keep a series of their own from scrape to scrape */
    static <T> Map<String, List<T>> group(List<T> items, Function<T, String> name) {
        Map<String, List<T>> groups = new LinkedHashMap<>();
        for (T item : items) {
            String own = name.apply(item);
            String group = groups.containsKey(own) || groups.size() < LIMIT ? own : OTHERS;
            groups.computeIfAbsent(group, g -> new ArrayList<>()).add(item);
        }
        return groups;
    }
}
