package io.walrelay.proxy.config;

import java.util.Locale;
import java.util.Optional;

/**
 * One key of the configuration: everything that the parser, the messages, the environment and the manual know about it.
 *
 * @param name dotted, as in the file: {@code cache.on-full}
 * @param defaultText what holds when nobody says anything; empty when that is nothing, or derived as {@code help} says
 * @param flag its option on the command line, where it has one
 * @param reloaded whether a relay that runs takes up a new value, unless another key of its section waits for a restart
 * @param help one sentence for the manual
 */
record Key<T>(String name, ValueType<T> type, Optional<String> defaultText, Optional<String> flag, boolean reloaded, String help) {

    static <T> Key<T> of(String name, ValueType<T> type, String help) {
        return new Key<>(name, type, Optional.empty(), Optional.empty(), false, help);
    }

    Key<T> withDefault(String text) {
        return new Key<>(name, type, Optional.of(text), flag, reloaded, help);
    }

    Key<T> withFlag(String option) {
        return new Key<>(name, type, defaultText, Optional.of(option), reloaded, help);
    }

    Key<T> takenUpByReload() {
        return new Key<>(name, type, defaultText, flag, true, help);
    }

    /** The concern that it belongs to: {@code cache}. */
    String section() {
        int dot = name.indexOf('.');
        return dot < 0 ? name : name.substring(0, dot);
    }

    /** Its name in the environment: {@code WALRELAY_CACHE_ON_FULL}. */
    String environmentName() {
        return "WALRELAY_" + name.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }
}
