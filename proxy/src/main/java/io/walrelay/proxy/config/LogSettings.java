package io.walrelay.proxy.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/** What logback.xml reads by itself. It takes a word that it does not know for no log at all, so they are looked at first. */
public final class LogSettings {

    private static final Map<String, List<String>> KNOWN =
            Map.of("WALRELAY_LOG_FORMAT", List.of("text", "json"), "WALRELAY_LOG_LEVEL", List.of("error", "warn", "info", "debug", "trace", "off"));

    private LogSettings() {}

    /** Whether any is given. */
    public static boolean areGiven(Properties properties, Map<String, String> environment) {
        return KNOWN.keySet().stream().anyMatch(name -> given(name, properties, environment).isPresent());
    }

    /** A system property goes before the environment, as in logback. */
    private static Optional<String> given(String name, Properties properties, Map<String, String> environment) {
        return Optional.ofNullable(properties.getProperty(name)).or(() -> Optional.ofNullable(environment.get(name)));
    }

    /** @throws InvalidSettingsException with all that is wrong */
    public static void check(Properties properties, Map<String, String> environment) throws InvalidSettingsException {
        List<Problem> problems = new ArrayList<>();
        KNOWN.forEach((name, words) -> given(name, properties, environment)
                .filter(value -> !words.contains(value))
                .ifPresent(value -> problems.add(new Problem(name, "\"%s\"".formatted(value), name, String.join(" or ", words)))));
        if (!problems.isEmpty()) {
            throw new InvalidSettingsException(problems);
        }
    }
}
