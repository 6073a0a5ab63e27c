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

    /** @throws InvalidSettingsException with all that is wrong; a system property goes before the environment, as in logback */
    public static void check(Properties properties, Map<String, String> environment) throws InvalidSettingsException {
        List<Problem> problems = new ArrayList<>();
        KNOWN.forEach((name, words) -> Optional.ofNullable(properties.getProperty(name))
                .or(() -> Optional.ofNullable(environment.get(name)))
                .filter(value -> !words.contains(value))
                .ifPresent(value -> problems.add(new Problem(name, "\"%s\"".formatted(value), name, String.join(" or ", words)))));
        if (!problems.isEmpty()) {
            throw new InvalidSettingsException(problems);
        }
    }
}
