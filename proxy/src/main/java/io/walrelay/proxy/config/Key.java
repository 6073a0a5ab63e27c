package io.walrelay.proxy.config;

import java.util.Locale;
import java.util.Optional;

/**
 * One key of the configuration: everything that the parser, the messages, the environment and the manual know about it.
 *
 * @param name dotted, as in the file: {@code cache.on-full}
 * @param defaultText what holds when nobody says anything; empty when that is nothing, or derived as {@code help} says
 * @param flag its option on the command line, where it has one
 * @param help one sentence for the manual
 */
record Key<T>(String name, ValueType<T> type, Optional<String> defaultText, Optional<String> flag, String help) {

    static <T> Key<T> of(String name, ValueType<T> type, String help) {
        return new Key<>(name, type, Optional.empty(), Optional.empty(), help);
    }

    Key<T> withDefault(String text) {
        return new Key<>(name, type, Optional.of(text), flag, help);
    }

    Key<T> withFlag(String option) {
        return new Key<>(name, type, defaultText, Optional.of(option), help);
    }

    /** Its name in the environment: {@code WALRELAY_CACHE_ON_FULL}. */
    String environmentName() {
        return "WALRELAY_" + name.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }
}
