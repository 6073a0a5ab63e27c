package io.walrelay.proxy.cli;

import java.util.Optional;

/**
 * One line of {@code walrelay check}.
 *
 * @param what the thing looked at, with the server where it has one
 * @param found as it is
 * @param expected as it should be
 * @param hint what to do, when something is to be done
 */
record Finding(Level level, String what, String found, String expected, Optional<String> hint) {

    /** How bad it is. Only {@code FAIL} keeps the relay from working. */
    enum Level {
        OK,
        WARN,
        FAIL
    }

    static Finding ok(String what, String found, String expected) {
        return new Finding(Level.OK, what, found, expected, Optional.empty());
    }

    static Finding warn(String what, String found, String expected, String hint) {
        return new Finding(Level.WARN, what, found, expected, Optional.of(hint));
    }

    static Finding fail(String what, String found, String expected, String hint) {
        return new Finding(Level.FAIL, what, found, expected, Optional.of(hint));
    }

    @Override
    public String toString() {
        String word =
                switch (level) {
                    case OK -> "ok  ";
                    case WARN -> "warn";
                    case FAIL -> "FAIL";
                };
        return "%s  %s: %s (expected %s)%s".formatted(word, what, found, expected, hint.map("  "::concat).orElse(""));
    }
}
