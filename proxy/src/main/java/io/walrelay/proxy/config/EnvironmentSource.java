package io.walrelay.proxy.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The environment, as values by dotted key. */
final class EnvironmentSource {

    /** Not settings: read by the launcher, the logging configuration and the commands that ask a running relay. */
    private static final Set<String> NOT_KEYS = Set.of(
            "WALRELAY_CONFIG", "WALRELAY_JAVA", "WALRELAY_JAVA_OPTS", "WALRELAY_LOG_FORMAT", "WALRELAY_LOG_LEVEL", "WALRELAY_TOKEN");

    /** Kubernetes puts these into every pod beside a Service whose name begins with "walrelay". */
    private static final Pattern SERVICE_LINK = Pattern.compile("WALRELAY_(\\w+_)?(SERVICE_(HOST|PORT(_\\w+)?)|PORT(_\\w+)?)");

    private EnvironmentSource() {}

    /** Reads all {@code WALRELAY_…} variables; names that are no key are added to {@code problems}. */
    static Map<String, Given> read(Map<String, String> environment, List<Problem> problems) {
        Map<String, Given> values = new LinkedHashMap<>();
        new TreeMap<>(environment).forEach((name, text) -> {
            if (!name.startsWith("WALRELAY_") || NOT_KEYS.contains(name) || SERVICE_LINK.matcher(name).matches()) {
                return;
            }
            Optional<Key<?>> key = find(name);
            if (key.isPresent()) {
                values.put(key.get().name(), new Given(key.get().type().lines(text), name));
            } else {
                String near = Nearest.of(name, names().toList()).map(it -> "; did you mean " + it + "?").orElse("");
                problems.add(new Problem(name, "given", "environment", "a variable that names a key" + near));
            }
        });
        return values;
    }

    private static Optional<Key<?>> find(String variable) {
        return Keys.ALL.stream().filter(key -> key.environmentName().equals(variable)).findFirst().map(key -> key);
    }

    private static Stream<String> names() {
        return Keys.ALL.stream().map(Key::environmentName);
    }
}
